// Marks, notes and tags on a call's page: set at the second that is heard, changed
// and taken away; and links to that second.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { CallPage } from "./callpage";
import { startRecorded } from "./recorded";
import { type Call, callOf } from "./recording";
import { until } from "./server";
import { setStage } from "./stage";

let call: Call;
let page: Page;
let on: CallPage;
const stage = setStage("marks", {
  serve: async () => {
    const recorded = await startRecorded();
    call = recorded.call;
    return recorded.server;
  },
});

beforeAll(async () => {
  page = await stage.enter();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  on = new CallPage(page, stage.server);
});

describe("marks", () => {
  test("are set at the second that is heard, stepped through, changed and taken away", async () => {
    await on.open(call.id, "?t=3");
    await on.at(3000);
    await on.press("m");
    await on.marks.getByRole("button", { name: "0:03" }).waitFor();
    await on.press("ArrowRight", "t");
    await page.getByRole("textbox", { name: "备注内容" }).fill("客户要求退费");
    await on.marks.getByText("其他人可见").click();
    await on.marks.getByRole("button", { name: "添加" }).click();
    const note = on.marks.getByRole("listitem").filter({ hasText: "客户要求退费" });
    await note.getByText("仅自己可见").waitFor({ state: "attached" });

    await on.press("0");
    await on.leaveField();
    await on.seek(0);
    await on.leaveField();
    await on.press("n");
    await on.at(3000);
    await on.press("n");
    await on.at(8000);
    await on.press("n");
    await page.getByText("后面没有标记了").waitFor();
    await on.press("p");
    await on.at(3000);

    await note.getByRole("button", { name: "修改这条标记" }).click();
    await on.marks.getByRole("textbox", { name: "文字" }).fill("客户要求退费 50 元");
    await on.marks.getByText("其他人可见").click();
    await on.marks.getByRole("button", { name: "移到当前位置" }).click();
    await on.marks.getByRole("button", { name: "保存" }).click();
    await on.marks.getByText("客户要求退费 50 元").waitFor();
    const changed = (await callOf(stage.server, call.id)).marks.find((m) => m.kind === "note");
    expect(changed).toMatchObject({ text: "客户要求退费 50 元", shared: true, startMs: 3000, endMs: 3000 });
  });

  test("that last have their ends dragged on the waveform", async () => {
    await on.open(call.id);
    const made = await stage.server.api<{ id: string }>("POST", `/api/v1/calls/${call.id}/marks`, {
      ...{ kind: "note", startMs: 4000, endMs: 6000, text: "承诺", shared: true },
    });
    await page.reload();
    await on.stands();
    const row = on.marks.getByRole("listitem").filter({ hasText: "承诺" });
    await row.getByRole("button", { name: "修改这条标记" }).click();
    await page.getByTestId("span").waitFor();
    const box = await on.waveform();
    const x = (ms: number) => box.x + (box.width * ms) / call.durationMs;
    await page.mouse.move(x(6000), box.y + 50);
    await page.mouse.down();
    await page.mouse.move(x(8000), box.y + 50, { steps: 5 });
    await page.mouse.move(x(9000), box.y + 50, { steps: 5 });
    await page.mouse.up();
    await expectAccessible(page);
    await on.marks.getByRole("button", { name: "保存" }).click();
    await page.getByTestId("span").waitFor({ state: "detached" });
    const mark = (await callOf(stage.server, call.id)).marks.find((m) => m.id === made.id);
    expect(mark?.startMs).toBe(4000);
    expect(Math.abs((mark?.endMs ?? 0) - 9000)).toBeLessThan(60);
  });

  test("of analysis stand on the waveform and in the list in words, cannot be deleted, and can be hidden", async () => {
    // What analysis finds depends on the call: here it has found one of each kind.
    const kinds = { silence: "长时间静音", overtalk: "抢话", loud: "提高嗓门", one_sided: "只有一方有声" };
    await page.route(`**/api/v1/calls/${call.id}`, async (route) => {
      const real = (await (await route.fetch()).json()) as Call;
      const alerts = Object.keys(kinds).map((kind, i) => ({
        ...{
          id: `alert-${i}`,
          kind,
          side: kind === "loud" ? "customer" : "",
          by: "",
          text: "",
          shared: true,
        },
        ...{ startMs: 500 + i * 2500, endMs: 1500 + i * 2500 },
      }));
      await route.fulfill({ json: { ...real, marks: [...real.marks, ...alerts] } });
    });
    await on.open(call.id);
    for (const word of Object.values(kinds)) {
      const row = on.marks.getByRole("listitem").filter({ hasText: word });
      await row.getByText("分析").waitFor();
      expect(await row.getByRole("button").count()).toBe(1);
      await page.locator(".flags").getByRole("button", { name: word }).waitFor();
    }
    await expectAccessible(page);
    await on.marks.getByRole("button", { name: "分析提示 4" }).click();
    await on.marks.getByText("有 4 条未显示").waitFor();
    expect(await on.marks.getByText("抢话").count()).toBe(0);
    expect(await page.locator(".flags").getByRole("button", { name: "抢话" }).count()).toBe(0);
    await page.reload();
    await on.marks.getByText("有 4 条未显示").waitFor();
    await on.marks.getByRole("button", { name: "分析提示 4" }).click();
    await on.marks.getByText("抢话").waitFor();
    await page.unroute(`**/api/v1/calls/${call.id}`);
  });

  test("tags are put on and taken off where they stand", async () => {
    await on.open(call.id);
    const tags = page.getByTestId("tags");
    await tags.getByRole("button", { name: "加标签" }).click();
    await tags.getByRole("textbox", { name: "标签" }).fill("复查，退费");
    await on.press("Enter");
    const tagged = async () => (await callOf(stage.server, call.id)).tags.join(" ");
    await until("both tags", async () => (await tagged()) === "复查 退费");
    for (const name of ["复查", "退费"]) {
      await tags.getByRole("button", { name: `去掉标签 ${name}` }).click();
      await until("the tag to go", async () => !(await tagged()).includes(name));
    }
  });

  test("a link to the second that is heard opens there", async () => {
    await on.open(call.id, "?t=4.2");
    await on.at(4200);
    await on.press("c");
    await page.getByText("已复制 0:04 处的链接").waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toBe(`${stage.server.url}/calls/${call.id}?t=4.2`);
    await on.dock.getByRole("button", { name: "复制此刻的链接" }).click();
  });
});
