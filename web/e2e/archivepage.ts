// The archive's page as tests use it: opened, searched in, its rows told.
import type { Locator, Page } from "playwright-core";
import { beginCall, storeCall } from "./recording";
import { Server, until } from "./server";

/** So many calls are in the archive, without the special one. */
export const filled = 700;
/** The number of the special one: what a table might take for a formula. */
export const formula = "=1+1";

/** What browsers say of what one's role may not. */
export const knownOfArchive = [/status of 403 .*\/api\/v1\/calls\?.*state=deleted/];

/** Starts a server with many calls, the newest a special one at seat w1; answers its id, too. */
export async function startArchive(): Promise<{ server: Server; special: string }> {
  const server = await Server.start();
  await server.fill(filled, "240h");
  await server.makeBranch("east", "城东营业厅");
  await server.makeSeat("w1", "一号窗口", "east", "counter", "event");
  const special = await beginCall(server, "w1", { account: "HU-4711", number: formula });
  await storeCall(server, special);
  return { server, special };
}

export class ArchivePage {
  constructor(
    readonly page: Page,
    private readonly server: Server,
  ) {}

  get rows(): Locator {
    return this.page.locator("tr[data-call]");
  }

  /** Where one types what one looks for. */
  get box(): Locator {
    return this.page.getByRole("textbox", { name: "搜索" });
  }

  /** The address's query. */
  get search(): string {
    return new URL(this.page.url()).search;
  }

  /** The form of all filters, once it is open. */
  get form(): Locator {
    return this.page.locator(".archive-filters:visible");
  }

  heads(): Promise<string[]> {
    return this.page.locator("table.rows thead th").allInnerTexts();
  }

  /** A filter that is set. */
  chip(text: string): Locator {
    return this.page.locator(".chip.set", { hasText: text });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  async open(query = ""): Promise<void> {
    await this.page.goto(`${this.server.url}/archive${query}`);
    await this.rows.first().waitFor();
  }

  /** Waits until a call alone is found. */
  only(id: string): Promise<boolean> {
    return until("that call alone", async () => {
      const ids = await this.rows.evaluateAll((all) => all.map((r) => r.getAttribute("data-call")));
      return ids.length === 1 && ids[0] === id;
    });
  }

  /** Waits until the list is as long as it is without a filter. */
  all(): Promise<boolean> {
    return until("the whole list", async () => (await this.rows.count()) > 20);
  }
}
