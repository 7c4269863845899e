// The page of an import, as tests use it: begun, given a folder, looked at from
// the server's side.
import type { Page } from "playwright-core";
import type { Server } from "./server";

/** What browsers may say of imports in their consoles: uploads that were cut off, patterns that were wrong on purpose. */
export const knownOfImports = [
  /status of 40[149] .*\/uploads/,
  /status of 404 .*\/api\/v1\/imports\/[^/]+\)$/, // deleted in another window
  /status of 422 .*\/imports\//,
  /net::ERR_.*(\/uploads|\/live|\/imports)/,
  /WebSocket connection .* failed/,
];

export interface Import {
  id: string;
  state: string;
  files: number;
  stored: number;
  duplicate: number;
  refused: number;
}
export interface ImportFile {
  path: string;
  fate: string;
  call: string;
  code: string;
  remarks: string[];
}

export const importOf = (server: Server, id: string): Promise<Import> =>
  server.api<Import>("GET", `/api/v1/imports/${id}`);

export const filesOf = async (server: Server, id: string): Promise<ImportFile[]> =>
  (await server.api<{ files: ImportFile[] }>("GET", `/api/v1/imports/${id}/files?limit=1000`)).files;

/** Begins a new import and is on its page; answers its id. */
export async function beginImport(page: Page, server: Server): Promise<string> {
  await page.goto(`${server.url}/imports`);
  await page
    .getByRole("button", { name: /^(新建导入|New import)$/ })
    .first()
    .click();
  await page.waitForURL(/\/imports\/.+/);
  await page.locator(".zone").waitFor();
  return new URL(page.url()).pathname.split("/").at(-1) ?? "";
}

/** Chooses a folder of the disk, as in a dialog of the browser's. */
export const chooseFolder = (page: Page, path: string): Promise<void> =>
  page.locator("[data-test=folder]").setInputFiles(path);

/** Drops a folder of the disk onto the page, as a file manager does. */
export async function dropFolder(page: Page, path: string): Promise<void> {
  const box = await page.locator(".zone").boundingBox();
  if (!box) throw new Error("there is nowhere to drop");
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  const [x, y] = [box.x + box.width / 2, box.y + 20];
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await session.send("Input.dispatchDragEvent", { type, x, y, data });
  await session.detach();
}

/** Waits until so many files are on the server. */
export const uploaded = (page: Page, n: number, timeout = 60_000): Promise<void> =>
  page.getByText(`服务器上已有 ${n} 个文件`).waitFor({ timeout });
