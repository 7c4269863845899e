// What a file of tests plays on: a server, a Chromium, windows of people who are
// signed in; all made before its tests, watched during them and gone after them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { noteRequests } from "./accessible";
import {
  type Language,
  listenForErrors,
  openTappedWindow,
  openWindow,
  picture,
  signIn,
  speakLanguage,
  startChromium,
} from "./browser";
import { Server } from "./server";

// Whether one is signed in is asked before one is; the browser notes the answer.
const always = [/status of 401 .*\/api\/v1\/me\b/];

interface Play {
  /** What browsers may say in their consoles besides. */
  known?: RegExp[];
  /** Each test begins where the one before it ended: after a failure the rest is not run. */
  steps?: boolean;
  /** Makes the server, where one with nothing in it will not do. */
  serve?: () => Promise<Server>;
}

/** Somebody at a window; the administrator, in Chinese, unless it is said otherwise. */
interface Person {
  user?: string;
  password?: string;
  language?: Language;
  /** Whether what the loudspeakers get is taken down. */
  tapped?: boolean;
}

/** Sets the stage for the file of tests that calls it; `name` is for pictures of failures. */
export function setStage(name: string, play: Play = {}): Stage {
  const stage = new Stage(name, [...always, ...(play.known ?? [])]);
  beforeAll(() => stage.open(play.serve ?? (() => Server.start())));
  afterAll(() => stage.close());
  let broken = false;
  if (play.steps) beforeEach((context) => context.skip(broken, "a step before this one failed"));
  afterEach(async (context) => {
    if (context.task.result?.state === "fail") {
      broken = true;
      await stage.picture();
    }
    stage.expectNoErrors();
  });
  return stage;
}

export class Stage {
  /** For files; gone after the tests. */
  readonly folder: string;
  readonly #pages: Page[] = [];
  readonly #errors: string[] = [];
  #server: Server | undefined;
  #browser: Browser | undefined;

  constructor(
    private readonly name: string,
    private readonly known: RegExp[],
  ) {
    this.folder = mkdtempSync(join(tmpdir(), `earshot-${name}-e2e-`));
  }

  get server(): Server {
    if (!this.#server) throw new Error("the server is not there yet");
    return this.#server;
  }

  get browser(): Browser {
    if (!this.#browser) throw new Error("the browser is not there yet");
    return this.#browser;
  }

  async open(serve: () => Promise<Server>): Promise<void> {
    this.#server = await serve();
    this.#browser = await startChromium();
  }

  /** Opens a window in which somebody has signed in. */
  async enter({ user, password, language = "zh-CN", tapped }: Person = {}): Promise<Page> {
    const window = await (tapped ? openTappedWindow : openWindow)(this.browser, language);
    await speakLanguage(window, language);
    const page = await window.newPage();
    this.#pages.push(page);
    noteRequests(page);
    listenForErrors(page, this.known, this.#errors);
    await signIn(page, this.server, user, password);
    return page;
  }

  async picture(): Promise<void> {
    await picture(this.#pages, this.name);
  }

  expectNoErrors(): void {
    expect(this.#errors.splice(0), "errors in a browser's console").toEqual([]);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    await this.#server?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
