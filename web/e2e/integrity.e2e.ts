// Whether what is kept is still what was stored, as people find out: a byte of a
// stored recording is changed on the disk; an officer has the archive checked, is
// told which call it is, the wall says so too, and says what became of it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { keep } from "./pictures";
import { type Call, recordCall, seatIs } from "./recording";
import { until } from "./server";
import { setStage } from "./stage";

interface Integrity {
  scrub: { state: string; checked: number };
  problems: { id: string; code: string; call: string; file: string; resolvedBy: string; reason: string }[];
  open: number;
}

const stage = setStage("integrity", { steps: true });
let officer: Page;
let officerPassword: string;
let supervisor: Page;
let stored: Call;

const integrity = () => stage.server.api<Integrity>("GET", "/api/v1/integrity");

beforeAll(async () => {
  const { server } = stage;
  await server.makeBranch("hall", "城东营业厅");
  const seat = await server.makeSeat("w1", "1 号窗口", "hall", "counter", "event");
  officerPassword = await server.makeUser("lin", "林静", "evidence");
  const supervisorPassword = await server.makeUser("wang", "王班长", "supervisor");
  const hush = server.speak(seat, "water-bill");
  await seatIs(server, "w1", "idle");
  stored = await recordCall(server, "w1", 2000);
  await hush();
  await until("the part to be in the ledger", async () => {
    return (await server.api<{ pending: number }>("GET", "/api/v1/ledger")).pending === 0;
  });
  officer = await stage.enter({ user: "lin", password: officerPassword });
  supervisor = await stage.enter({ user: "wang", password: supervisorPassword });
});

describe("an evidence officer", () => {
  test("has the archive checked, and hears that all is well", async () => {
    await officer.goto(`${stage.server.url}/integrity`);
    await officer.getByText("没有待处理的问题").waitFor();
    await officer.getByRole("button", { name: "现在检查" }).click();
    await until("the check to be over", async () => {
      const { scrub } = await integrity();
      return scrub.state === "idle" && scrub.checked === 1;
    });
    await officer.getByText(/上次于 .* 检查了 1 个文件/).waitFor();
    expect((await integrity()).open).toBe(0);
    await expectAccessible(officer);
  });

  test("is told of an altered recording by its call, and so is the wall", async () => {
    const part = stored.parts[0];
    if (!part) throw new Error("the call has no part");
    const file = join(stage.server.folder, "audio", part.file);
    const audio = readFileSync(file);
    const at = audio.length >> 1;
    audio.writeUInt8(audio.readUInt8(at) ^ 1, at);
    writeFileSync(file, audio);

    await supervisor.goto(`${stage.server.url}/`);
    await supervisor.getByText("1 号窗口").first().waitFor();
    await officer.getByRole("button", { name: "现在检查" }).click();
    await officer.getByText("录音被改动：校验值与账本不符").waitFor();
    await officer.getByText("1 个问题待处理").waitFor();
    await officer.getByText(part.file).waitFor();
    expect(await officer.getByRole("link", { name: "打开通话" }).getAttribute("href")).toBe(
      `/calls/${stored.id}`,
    );
    await supervisor.getByText("有文件损坏").first().waitFor();
    await expectAccessible(officer);
    await keep(officer, "integrity-problem-zh");
    await keep(supervisor, "integrity-wall-zh");
  });

  test("says what became of it; the alarm ends", async () => {
    await officer.getByRole("button", { name: /^处理 录音被改动/ }).click();
    const form = officer.getByRole("dialog");
    await form.locator("textarea").fill("已从备份恢复");
    await form.getByRole("button", { name: "处理", exact: true }).click();
    await officer.getByText("没有待处理的问题").waitFor();
    await supervisor.getByText("有文件损坏").first().waitFor({ state: "detached" });
    await officer.getByRole("button", { name: "已处理" }).click();
    await officer.getByText(/lin 于 .* 处理/).waitFor();
    await officer.getByText("已从备份恢复").waitFor();
    await expectAccessible(officer);
    await keep(officer, "integrity-resolved-zh");
    const [problem] = (await integrity()).problems;
    expect([problem?.code, problem?.call, problem?.resolvedBy]).toEqual(["altered", stored.id, "lin"]);
  });

  test("is told again while it is not mended", async () => {
    await officer.getByRole("button", { name: "待处理" }).click();
    await officer.getByRole("button", { name: "现在检查" }).click();
    await officer.getByText("录音被改动：校验值与账本不符").waitFor();
    const { problems, open } = await integrity();
    expect([problems.length, open]).toEqual([2, 1]);
  });
});

test("the page reads in English, too", async () => {
  const page = await stage.enter({ user: "lin", password: officerPassword, language: "en" });
  await page.goto(`${stage.server.url}/integrity`);
  await page.getByText("Recording altered: its hash is not the ledger's").waitFor();
  await keep(page, "integrity-problem-en");
});
