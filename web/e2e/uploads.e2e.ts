// Uploads of large files that are cut off by a reload, a restart, a network or a
// person, and go on from where they were.
import { mkdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { beginImport, chooseFolder, importOf, knownOfImports, uploaded } from "./importpage";
import { keep } from "./pictures";
import { until } from "./server";
import { setStage } from "./stage";

const stage = setStage("uploads", { known: knownOfImports, steps: true });
let page: Page;

beforeAll(async () => {
  const password = await stage.server.makeUser("lin", "林取证", "evidence");
  page = await stage.enter({ user: "lin", password });
});

describe("an upload that is cut off", () => {
  const disk = join(stage.folder, "大文件");
  const bytes = 400 << 20;

  test("goes on after a reload and a restart of the server, from where it was", async () => {
    mkdirSync(disk);
    for (const name of ["a.wav", "b.wav"]) {
      writeFileSync(join(disk, name), "RIFF");
      truncateSync(join(disk, name), bytes);
      utimesSync(join(disk, name), 1_400_000_000, 1_400_000_000);
    }
    const id = await beginImport(page, stage.server);
    await chooseFolder(page, disk);
    const sent = async () =>
      (
        await stage.server.api<{ uploads: { offset: number; bytes: number }[] }>(
          "GET",
          `/api/v1/imports/${id}/uploads`,
        )
      ).uploads;
    await until("much of it to be there", async () => (await sent()).some((u) => u.offset > 64 << 20));
    await keep(page, "import-uploading-zh");
    await page.reload();
    await page.getByText("只传了一部分").waitFor();
    const before = Math.max(...(await sent()).map((u) => u.offset));
    expect(before).toBeGreaterThan(32 << 20);
    await stage.server.down("SIGKILL");
    await stage.server.up();
    const after = await sent();
    expect(Math.max(...after.map((u) => u.offset)), "what is there after the kill").toBeGreaterThan(32 << 20);

    const begun: number[] = [];
    page.on("request", (r) => {
      if (r.method() === "PATCH" && r.url().includes("/uploads/"))
        begun.push(Number(r.headers()["upload-offset"]));
    });
    await page.reload();
    await chooseFolder(page, disk);
    await uploaded(page, 2, 100_000);
    expect(Math.max(...begun.slice(0, 2)), "it went on where it was").toBeGreaterThan(32 << 20);
    expect((await sent()).every((u) => u.offset === bytes)).toBe(true);
  });

  test("pauses and goes on, and survives a cut network", async () => {
    const id = await beginImport(page, stage.server);
    await chooseFolder(page, disk);
    await page.getByRole("button", { name: "暂停" }).click();
    await page.getByText("已暂停").first().waitFor();
    await page.getByRole("button", { name: "继续" }).click();
    await page.context().setOffline(true);
    await page.getByText("网络断了，恢复后自动继续").waitFor();
    await page.context().setOffline(false);
    await uploaded(page, 2, 100_000);
    await page.goto(`${stage.server.url}/imports`);
    await stage.server.api("DELETE", `/api/v1/imports/${id}`);
  });

  test("can be left for another page meanwhile", async () => {
    const id = await beginImport(page, stage.server);
    await chooseFolder(page, disk);
    await page.getByText("可以离开本页，上传会继续").waitFor();
    await page.getByRole("link", { name: "录音档案" }).click();
    await until("all to be there", async () => (await importOf(stage.server, id)).files === 2, 60);
    await stage.server.api("DELETE", `/api/v1/imports/${id}`);
  });
});
