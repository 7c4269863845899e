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
