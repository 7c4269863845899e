// Keeping and proving, as an evidence officer does it: calls are chosen in the
// archive and held, packed with their proofs, checked with our program and with
// public tools, and released; an administrator says how long calls are kept.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible, settled } from "./accessible";
import { callOf, recordCall, seatIs } from "./recording";
import { binary, until } from "./server";
import { setStage } from "./stage";

interface Hold {
  id: string;
  call: string;
  seat: string;
  from: string | null;
  to: string | null;
  reason: string;
  until: string | null;
  releasedAt: string | null;
  releaseReason: string;
}
interface Package {
  id: string;
  state: string;
  sha256: string;
  calls: { call: string }[];
  silence: { reason: string }[];
}

const stage = setStage("evidence", { steps: true });
let officer: Page;
let admin: Page;
/** The stored calls, the newest first, as the archive shows them. */
let calls: string[] = [];

const holds = async (state: string) =>
  (await stage.server.api<{ holds: Hold[] }>("GET", `/api/v1/holds?state=${state}`)).holds;

/** A time as pages show it, by the clocks of the site. */
const shown = (at: string) =>
  new Intl.DateTimeFormat("sv-SE", {
    ...{ timeZone: stage.server.zone, dateStyle: "short", timeStyle: "medium" },
  }).format(new Date(at));

/** The dialog that is open, faded in. */
async function dialog(page: Page) {
  const found = page.getByRole("dialog").filter({ visible: true });
  await found.waitFor();
  await settled(page);
  return found;
}

beforeAll(async () => {
  const { server } = stage;
  await server.makeBranch("east", "城东营业厅");
  const seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  const password = await server.makeUser("lin", "林取证", "evidence");
  const hush = server.speak(seat, "water-bill");
  await seatIs(server, "w1", "idle");
  for (let i = 0; i < 3; i++) calls = [(await recordCall(server, "w1", 3000)).id, ...calls];
  await hush();
  officer = await stage.enter({ user: "lin", password });
  admin = await stage.enter();
});

describe("an evidence officer", () => {
  test("chooses calls in the archive by the keyboard, and holds them", async () => {
    await officer.goto(`${stage.server.url}/archive`);
    await officer.locator(`tr[data-call="${calls[0]}"]`).focus();
    await officer.keyboard.press("x");
    await officer.keyboard.press("Shift+ArrowDown");
    const bar = officer.getByRole("group", { name: "已选通话" });
    await bar.getByText("已选 2 个通话").waitFor();
    await expectAccessible(officer);
    await bar.getByRole("button", { name: "冻结…" }).click();
    const form = await dialog(officer);
    await form.locator("textarea").fill("投诉工单 T-2026-118");
    await form.getByRole("button", { name: "冻结", exact: true }).click();
    await officer.getByText("已冻结 2 个通话").waitFor();
    await officer.locator(`tr[data-call="${calls[1]}"]`).getByText("已冻结").waitFor();
    expect((await holds("active")).map((h) => h.call).sort()).toEqual(calls.slice(0, 2).sort());

    await officer.goto(`${stage.server.url}/archive?held=true`);
    await officer.locator("tr[data-call]").first().waitFor();
    expect(await officer.locator("tr[data-call]").count()).toBe(2);
  });

  test("sees on a call's page what keeps it, and where it stands in the ledger", async () => {
    await officer.goto(`${stage.server.url}/calls/${calls[0]}`);
    await officer.getByRole("list", { name: "冻结" }).getByText("投诉工单 T-2026-118").waitFor();
    await until(
      "the ledger to prove the part",
      async () => {
        await officer.reload();
        await officer.getByText("录音文件").waitFor();
        await settled(officer);
        return (await officer.getByText(/账本第 [\d,]+ 条 · .*可证明/).count()) > 0;
      },
      90,
    );
    await expectAccessible(officer);
  });

  test("packs two calls with a span silenced; the package stands up to a check", async () => {
    await officer.goto(`${stage.server.url}/evidence/packages/new?call=${calls[0]}&call=${calls[1]}`);
    await officer.getByRole("button", { name: "添加一处消音" }).click();
    await officer.getByRole("button", { name: "开始制作" }).click();
    await officer.getByRole("alert").getByText("请写明原因").waitFor();
    await officer.getByPlaceholder("为谁、为什么导出").fill("交法务");
    await officer.getByPlaceholder("m:ss").first().fill("0:01");
    await officer.getByPlaceholder("m:ss").last().fill("0:02");
    await officer.getByPlaceholder("例如：客户报出身份证号").fill("身份证号");
    await expectAccessible(officer);
    await officer.getByRole("button", { name: "开始制作" }).click();
    await officer.waitForURL(/\/evidence\/packages\/[0-9a-f-]{36}$/);
    const link = officer.getByRole("link", { name: /下载证据包/ });
    await link.waitFor();
    await expectAccessible(officer);

    const id = new URL(officer.url()).pathname.split("/").at(-1);
    const made = await stage.server.api<Package>("GET", `/api/v1/packages/${id}`);
    expect(made.calls.map((c) => c.call)).toEqual(calls.slice(0, 2));
    expect(made.silence.map((s) => s.reason)).toEqual(["身份证号"]);
    const [download] = await Promise.all([officer.waitForEvent("download"), link.click()]);
    const file = join(stage.folder, "evidence.zip");
    await download.saveAs(file);
    const sum = execFileSync("sha256sum", [file], { encoding: "utf8" }).split(" ")[0];
    expect(sum).toBe(made.sha256);
    // The page shows the sum and the fingerprint that the check is made with.
    await officer.getByText(made.sha256).waitFor();
    const print = await officer.getByRole("region", { name: "签名公钥指纹" }).locator("code").innerText();
    console.log(execFileSync(binary, ["check", file, "--key", print], { encoding: "utf8" }));
  });

  test("holds a seat's window of time, and releases it with a reason", async () => {
    await officer.goto(`${stage.server.url}/evidence/holds`);
    await officer.getByRole("button", { name: "冻结一个时间段" }).click();
    const form = await dialog(officer);
    await form.getByRole("combobox", { name: "坐席位" }).click();
    await officer.getByRole("option", { name: /1 号窗口/ }).click();
    const from = form.getByRole("combobox", { name: "从" });
    await from.fill("2026-01-02 08:30:00");
    await from.press("Enter");
    await form.locator("textarea").fill("窗口纠纷");
    await expectAccessible(officer);
    await form.getByRole("button", { name: "冻结", exact: true }).click();
    const row = officer.locator("tr", { hasText: "窗口纠纷" });
    await row.waitFor();
    // The fields are the site's clock.
    const [window] = (await holds("active")).filter((h) => h.seat === "w1");
    expect([shown(window?.from ?? ""), window?.to]).toEqual(["2026-01-02 08:30:00", null]);
    expect((await callOf(stage.server, calls[2] ?? "")).holds.map((h) => h.reason)).toEqual(["窗口纠纷"]);
    await expectAccessible(officer);

    await row.getByRole("button", { name: /解除冻结/ }).click();
    const question = await dialog(officer);
    await question.locator("textarea").fill("客户撤诉");
    await question.getByRole("button", { name: "解除冻结" }).click();
    await row.waitFor({ state: "detached" });
    await officer.getByRole("button", { name: "已结束" }).click();
    await officer.locator("tr", { hasText: "客户撤诉" }).waitFor();
    expect((await holds("past")).map((h) => h.releaseReason)).toEqual(["客户撤诉"]);
  });
});

describe("an administrator", () => {
  test("says how long calls are kept, and sees what that lets go before it is so", async () => {
    await admin.goto(`${stage.server.url}/evidence/retention`);
    await admin.getByText("默认：全部保留").waitFor();
    await expectAccessible(admin);
    await admin.getByRole("button", { name: "新建规定" }).click();
    const form = await dialog(admin);
    await form.locator("input").first().fill("柜台一般业务");
    const days = form.getByRole("spinbutton");
    await days.first().fill("30");
    await days.last().fill("60");
    await days.last().press("Tab");
    await form.getByText("至少保留 30 天，60 天后删除").waitFor();
    await form.getByRole("button", { name: "看看影响" }).click();
    await form.getByText("不会改变今晚要删除的通话").waitFor();
    expect((await stage.server.api<{ policies: unknown[] }>("GET", "/api/v1/policies")).policies).toEqual([]);
    await expectAccessible(admin);
    await form.getByRole("button", { name: "保存" }).click();
    await admin.locator(".policies li", { hasText: "至少保留 30 天，60 天后删除" }).waitFor();

    // Two are held: a year from now only the third may go.
    const day = admin.getByRole("combobox", { name: "到这一天" });
    await day.fill(`${new Date().getFullYear() + 1}-12-30`);
    await day.press("Enter");
    await admin.getByText("另有 2 个已到期，只因冻结而保留").waitFor();
    await admin.locator(`a[href="/calls/${calls[2]}"]`).waitFor();
    expect(await admin.locator("td a[href^='/calls/']").count()).toBe(1);
  });

  test("sees that taking a policy away lets nothing go", async () => {
    await admin.locator(".policies li").getByRole("button", { name: /删除/ }).click();
    const form = await dialog(admin);
    await form.getByText("不会改变今晚要删除的通话").waitFor();
    await form.getByRole("button", { name: "删除" }).click();
    await admin.getByText("默认：全部保留").waitFor();
  });

  test("reads the ledger, its head and its key", async () => {
    const head = await stage.server.fetch("/api/v1/ledger/head");
    expect(await head.text()).toMatch(/\n\n— /);
    const key = await stage.server.fetch("/api/v1/ledger/key");
    expect(await key.text()).toContain("BEGIN PUBLIC KEY");
    // A whole archive has nothing to show: what checks find is told here.
    const at = "2026-11-21T16:00:00.000Z";
    const found = { id: "p1", code: "altered", call: calls[0], file: "a.opus", text: "its hash is another" };
    await admin.route("**/api/v1/integrity", (route) =>
      route.fulfill({
        json: {
          scrub: {
            ...{ state: "idle", at: null, checked: 0, bytes: 0 },
            ...{ total: 0, share: 0.03, next: null },
          },
          problems: [{ ...found, foundAt: at, resolvedAt: null }],
          damaged: [{ file: "1.wal.damaged", what: "checksum", since: at }],
        },
      }),
    );
    await admin.goto(`${stage.server.url}/integrity`);
    await admin.locator("tr", { hasText: "录音被改动" }).getByText(shown(at)).waitFor();
    await admin.getByText("1.wal.damaged").waitFor();
    const { fingerprint } = await stage.server.api<{ fingerprint: string }>("GET", "/api/v1/ledger");
    await admin.getByText(fingerprint).first().waitFor();
    await expectAccessible(admin);
  });
});
