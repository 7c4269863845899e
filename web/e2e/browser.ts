// A real Chromium for a test.
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { type Envelope, stepMs } from "./likeness";
import { adminPassword, until } from "./server";

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

/** What a page waits for comes within this, or not at all, ms. */
const patience = 60_000;

/** A window of its own: no cookies but its own, one language. */
export async function openWindow(
  browser: Browser,
  language: Language = "zh-CN",
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const window = await browser.newContext({
    ...options,
    locale: language,
    viewport: { width: 1440, height: 900 },
    permissions: ["microphone"],
  });
  window.setDefaultTimeout(patience);
  return window;
}

/** Signs in on the sign-in page as a person would. */
export async function signIn(
  page: Page,
  server: { url: string },
  user = "admin",
  password = adminPassword,
): Promise<void> {
  await page.goto(`${server.url}/login`);
  await page.locator("input[autocomplete=username]").fill(user);
  await page.locator("input[autocomplete=current-password]").fill(password);
  await page.locator("button[type=submit]").click();
  await page.waitForURL((url) => !url.pathname.startsWith("/login"));
}

/**
 * Runs on the page's audio thread, so that a busy page loses no sound. It says
 * what has come, and when the first of it was loud.
 */
const tapCode = `
  registerProcessor("e2e-tap", class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.blocks = [];
    }
    process([[left, right = left]]) {
      if (!left) return true;
      this.blocks.push([left.slice(), right.slice()]);
      if (this.blocks.length < 16) return true;
      this.port.postMessage({ blocks: this.blocks, end: currentTime, rate: sampleRate });
      this.blocks = [];
      return true;
    }
  });`;

/**
 * A window whose pages' audio graphs are tapped before the loudspeakers. The
 * content policy is off in it, for the tap is code that is not the server's.
 */
export async function openTappedWindow(
  browser: Browser,
  language: Language = "zh-CN",
): Promise<BrowserContext> {
  const window = await openWindow(browser, language, { bypassCSP: true });
  await window.addInitScript((code) => {
    const heard = { left: [] as number[], right: [] as number[], rate: 48000, firstSoundAt: 0 };
    Object.assign(globalThis, { heard });
    const tapUrl = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    // When the page was last clicked, in the capture phase: before it does anything.
    addEventListener("click", () => Object.assign(globalThis, { clickedAt: performance.now() }), true);
    const connect = AudioNode.prototype.connect as (...args: unknown[]) => unknown;
    const taps = new WeakMap<BaseAudioContext, AudioNode>();

    interface Message {
      blocks: [Float32Array, Float32Array][];
      end: number;
      rate: number;
    }
    const take = (context: AudioContext, { blocks, end, rate }: Message) => {
      heard.rate = rate;
      for (const [i, [left, right]] of blocks.entries()) {
        heard.left.push(...left);
        heard.right.push(...right);
        const loud = (sample: number) => Math.abs(sample) > 0.003;
        if (heard.firstSoundAt || !(left.some(loud) || right.some(loud))) continue;
        const ago = context.currentTime - end + ((blocks.length - i) * left.length) / rate;
        heard.firstSoundAt = performance.now() - ago * 1000;
      }
    };
    const tapOf = (context: AudioContext) => {
      const known = taps.get(context);
      if (known) return known;
      // The worklet comes a moment later; until then this stands in its place.
      const entrance = context.createGain();
      taps.set(context, entrance);
      void context.audioWorklet.addModule(tapUrl).then(() => {
        const tap = new AudioWorkletNode(context, "e2e-tap", {
          channelCount: 2,
          channelCountMode: "explicit",
        });
        tap.port.onmessage = ({ data }: MessageEvent<Message>) => take(context, data);
        connect.call(entrance, tap);
        connect.call(tap, context.destination); // it adds nothing to what is heard
      });
      return entrance;
    };
    AudioNode.prototype.connect = function (this: AudioNode, ...args: unknown[]) {
      if (args[0] instanceof AudioDestinationNode) connect.call(this, tapOf(this.context as AudioContext));
      return connect.apply(this, args);
    } as typeof AudioNode.prototype.connect;
  }, tapCode);
  return window;
}

export interface Heard {
  left: Envelope;
  right: Envelope;
  seconds: number;
  /** Milliseconds from the last click to the first sound; NaN before it. */
  clickToSound: number;
}

/** What the loudspeakers have been sent since the last call of `forget` or `hear`. */
export function heardSoFar(page: Page): Promise<Heard> {
  return page.evaluate((step) => {
    const { heard, clickedAt } = globalThis as unknown as {
      heard: { left: number[]; right: number[]; rate: number; firstSoundAt: number };
      clickedAt: number;
    };
    // As `envelope` in likeness.ts does it, which a page does not have.
    const per = (heard.rate * step) / 1000;
    const envelope = (samples: number[]) =>
      Array.from({ length: Math.floor(samples.length / per) }, (_, i) => {
        const [from, to] = [Math.round(i * per), Math.round((i + 1) * per)];
        let sum = 0;
        for (let k = from; k < to; k++) sum += (samples[k] ?? 0) ** 2;
        return Math.sqrt(sum / (to - from));
      });
    return {
      left: envelope(heard.left),
      right: envelope(heard.right),
      seconds: heard.rate ? heard.left.length / heard.rate : 0,
      clickToSound: heard.firstSoundAt ? heard.firstSoundAt - clickedAt : Number.NaN,
    };
  }, stepMs);
}

/** Listens for so many seconds from now on, or from when `begin` is called, which sets the sound going. */
export async function hear(page: Page, seconds: number, begin?: () => Promise<void>): Promise<Heard> {
  await forget(page);
  await begin?.();
  return until(
    `${seconds} s of sound`,
    async () => {
      const so = await page.evaluate(() => {
        const { heard } = globalThis as unknown as { heard: { left: number[]; rate: number } };
        return heard.left.length / heard.rate;
      });
      return so >= seconds && heardSoFar(page);
    },
    seconds + 60,
  );
}

/** What is wrong on a page: errors in its console and its code; `known` may happen. */
export function listenForErrors(page: Page, known: RegExp[] = [], errors: string[] = []): string[] {
  const add = (text: string) => {
    if (!known.some((pattern) => pattern.test(text))) errors.push(text);
  };
  page.on("pageerror", (error) => add(`${error.name}: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") add(`${message.text()} (${message.location().url})`);
  });
  return errors;
}

/** Chooses a language before any page is opened; as the language switch keeps it. */
export async function speakLanguage(window: BrowserContext, language: Language): Promise<void> {
  await window.addInitScript((lang) => localStorage.setItem("earshot.lang", lang), language);
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

/** Keeps pictures of what the pages showed when a test failed, and says where. */
export async function picture(pages: (Page | undefined)[], name: string): Promise<void> {
  for (const [i, page] of pages.entries()) {
    const path = join(tmpdir(), `earshot-${name}-${i + 1}.png`);
    // A page that is gone cannot be pictured; the failure itself is told anyway.
    await page?.screenshot({ path, timeout: 5000 }).then(
      () => console.log(`${page.url()} is pictured in ${path}`),
      () => undefined,
    );
  }
}
