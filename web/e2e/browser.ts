// A real Chromium for a test.
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { adminPassword, type Server } from "./server";
import type { Envelope } from "./sound";

/** Starts Chromium; with a WAV its microphone plays that file in a loop. */
export function startChromium(microphone?: string): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      ...(microphone ? [`--use-file-for-fake-audio-capture=${microphone}`] : []),
    ],
  });
}

export type Language = "zh-CN" | "en";

/** A window of its own: no cookies but its own, one language. */
export function openWindow(browser: Browser, language: Language = "zh-CN"): Promise<BrowserContext> {
  return browser.newContext({
    locale: language,
    viewport: { width: 1440, height: 900 },
    permissions: ["microphone"],
  });
}

/** Signs in on the sign-in page as a person would. */
export async function signIn(page: Page, server: Server, user = "admin", password = adminPassword) {
  await page.goto(`${server.url}/login`);
  await page.locator("input[autocomplete=username]").fill(user);
  await page.locator("input[autocomplete=current-password]").fill(password);
  await page.locator("button[type=submit]").click();
  await page.waitForURL((url) => !url.pathname.startsWith("/login"));
}

/**
 * Taps whatever the page's audio graphs send to the loudspeakers. Must be
 * called before the page is opened.
 */
export async function tapLoudspeakers(window: BrowserContext): Promise<void> {
  await window.addInitScript(() => {
    const heard: { left: number[]; right: number[]; rate: number; firstSoundAt: number } = {
      left: [],
      right: [],
      rate: 0,
      firstSoundAt: 0,
    };
    Object.assign(globalThis, { heard });
    const connect = AudioNode.prototype.connect as (...args: unknown[]) => unknown;
    const taps = new WeakMap<BaseAudioContext, ScriptProcessorNode>();
    const tapOf = (context: AudioContext) => {
      const known = taps.get(context);
      if (known) return known;
      const tap = context.createScriptProcessor(2048, 2, 2);
      tap.onaudioprocess = ({ inputBuffer }) => {
        const [left, right] = [inputBuffer.getChannelData(0), inputBuffer.getChannelData(1)];
        heard.rate = inputBuffer.sampleRate;
        const loud = (sample: number) => Math.abs(sample) > 0.003;
        if (!heard.firstSoundAt && (left.some(loud) || right.some(loud))) {
          heard.firstSoundAt = performance.now();
        }
        heard.left.push(...left);
        heard.right.push(...right);
      };
      taps.set(context, tap);
      connect.call(tap, context.destination);
      return tap;
    };
    AudioNode.prototype.connect = function (this: AudioNode, ...args: unknown[]) {
      if (args[0] instanceof AudioDestinationNode) connect.call(this, tapOf(this.context as AudioContext));
      return connect.apply(this, args);
    } as typeof AudioNode.prototype.connect;
  });
}

export interface Heard {
  left: Envelope;
  right: Envelope;
  seconds: number;
  firstSoundAt: number;
}

/** What the loudspeakers have been sent since the last call of `forget`. */
export function heardSoFar(page: Page): Promise<Heard> {
  return page.evaluate(() => {
    const { heard } = globalThis as unknown as {
      heard: { left: number[]; right: number[]; rate: number; firstSoundAt: number };
    };
    const step = Math.round(heard.rate / 20) || 1;
    const envelope = (samples: number[]) => {
      const steps: number[] = [];
      for (let at = 0; at + step <= samples.length; at += step) {
        let sum = 0;
        for (let i = at; i < at + step; i++) sum += (samples[i] ?? 0) ** 2;
        steps.push(Math.sqrt(sum / step));
      }
      return steps;
    };
    return {
      left: envelope(heard.left),
      right: envelope(heard.right),
      seconds: heard.rate ? heard.left.length / heard.rate : 0,
      firstSoundAt: heard.firstSoundAt,
    };
  });
}

export function forget(page: Page): Promise<void> {
  return page.evaluate(() => {
    const { heard } = globalThis as unknown as {
      heard: { left: number[]; right: number[]; firstSoundAt: number };
    };
    heard.left = [];
    heard.right = [];
    heard.firstSoundAt = 0;
  });
}
