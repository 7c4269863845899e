import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Call } from "@/api";
import { setLang } from "@/i18n";
import { useDirectory } from "@/live/directory";
import { cellText, fullText } from "./rowText";

beforeEach(() => setActivePinia(createPinia()));
afterEach(() => setLang("zh-CN"));

const call = (change: Partial<Call>) =>
  ({
    ...{ seat: "h1", branch: "b1", kind: "hotline", direction: "inbound", number: "057186080790" },
    ...{ account: "330100345832", ticket: "GD25100126311", business: "", flags: [], tags: [] },
    ...change,
  }) as unknown as Call;

test("what stands behind a number and an account is short, or apart so that it gives way", () => {
  const directory = useDirectory();
  expect(cellText(call({}), "number", directory)).toEqual({ said: "057186080790", behind: " 呼入" });
  expect(cellText(call({}), "account", directory)).toEqual({
    ...{ said: "330100345832", behind: " / GD25100126311" },
  });
  expect(cellText(call({ account: "" }), "account", directory)).toEqual({
    ...{ said: "GD25100126311", behind: "" },
  });
  setLang("en");
  expect(cellText(call({ direction: "outbound" }), "number", directory).behind).toBe(" Out");
  expect(cellText(call({ direction: "none" }), "number", directory).behind).toBe("");
});

test("where there may be no room for it, a cell says it in full", () => {
  const directory = useDirectory();
  expect(fullText(call({}), "seat", directory)).toContain(" · 热线 · ");
  expect(fullText(call({}), "number", directory)).toBe("057186080790 呼入");
  expect(fullText(call({}), "account", directory)).toBe("330100345832 / GD25100126311");
});

test("of one channel with both sides it is said that nobody can tell who talks", () => {
  const directory = useDirectory();
  const sides = ["talk", "overtalk", "interruptions", "monologue"] as const;
  const figures = { agentShare: 0, customerShare: 0, overtalkShare: 0, interruptions: 0 };
  const talk = { ...figures, silenceShare: 250, longestMonologue: 0, longestSilence: 4000, judged: "" };
  const says = (mixed: boolean) => {
    const one = call({ talk: { ...talk, mixed, longestMonologist: "" } });
    return sides.map((id) => cellText(one, id, directory).said);
  };
  expect(says(true)).toEqual(["—", "—", "—", "—"]);
  expect(says(false)).toEqual(["0%", "0%", "0", "0:00"]);
  expect(sides.map((id) => cellText(call({}), id, directory).said)).toEqual(["", "", "", ""]);
});
