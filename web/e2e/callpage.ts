// A call's page with the dock below it, as tests use it: opened, played, moved
// about in by keys and pointer.
import type { Locator, Page } from "playwright-core";
import { type Server, until } from "./server";

export class CallPage {
  constructor(
    readonly page: Page,
    private readonly server: Server,
  ) {}

  get dock(): Locator {
    return this.page.locator(".dock");
  }

  get marks(): Locator {
    return this.page.getByTestId("marks");
  }

  /** Opens a call and waits until it could be played; `query` leads to a second. */
  async open(id: string, query = ""): Promise<void> {
    await this.page.goto(`${this.server.url}/calls/${id}${query}`);
    await this.page.getByTestId("waveform").waitFor();
    await this.stands();
  }

  /** Where on the call's timeline the dock is, ms. */
  async positionMs(): Promise<number> {
    return Number(await this.dock.getByLabel("位置").inputValue());
  }

  /** Waits until the dock is at a place, or no further than `off` from it, ms. */
  at(ms: number, off = 60): Promise<boolean> {
    return until(`the dock to be at ${ms} ms`, async () => Math.abs((await this.positionMs()) - ms) < off);
  }

  /** Moves to a place, ms, as the slider does: in tenths of a second. */
  async seek(ms: number): Promise<void> {
    await this.dock.getByLabel("位置").fill(String(Math.round(ms / 100) * 100));
  }

  /** Presses keys, one after the other. */
  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Gives the keys back to the page, from a field. */
  async leaveField(): Promise<void> {
    await this.page.locator("main").click({ position: { x: 5, y: 5 } });
  }

  async play(): Promise<void> {
    await this.page.locator(".wave").getByRole("button", { name: "播放" }).click();
  }

  /** Waits until it plays. */
  async plays(): Promise<void> {
    await this.dock.getByRole("button", { name: "暂停" }).waitFor();
  }

  /** Plays from a place, ms, by keys, and waits until it goes on from there. */
  async playFrom(ms: number): Promise<void> {
    await this.seek(ms);
    await this.press("k");
    await this.plays();
    await this.goesOnFrom(ms);
  }

  /** Waits until it has gone on a little from a place, ms: it sounds by then. */
  async goesOnFrom(ms: number): Promise<void> {
    await until(`it to go on from ${ms} ms`, async () => {
      const gone = (await this.positionMs()) - ms;
      return gone > 0 && gone < 3000;
    });
  }

  /** Waits until it stands still. */
  async stands(): Promise<void> {
    await this.dock.getByRole("button", { name: "播放", exact: true }).waitFor();
  }

  /** Where on the screen the waveform is. */
  async waveform(): Promise<{ x: number; y: number; width: number; height: number }> {
    const box = await this.page.getByTestId("waveform").boundingBox();
    if (!box) throw new Error("the waveform is not drawn");
    return box;
  }

  /** Clicks into the waveform at a share of its width. */
  async clickAt(share: number): Promise<void> {
    const box = await this.waveform();
    await this.page.mouse.click(box.x + box.width * share, box.y + 60);
  }
}
