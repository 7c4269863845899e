import { afterEach, expect, test } from "vitest";
import { setLang } from "@/i18n";
import { type FigureKey, typedOf, writtenOf, wrongIn } from "./figures";
import { noFilters } from "./filters";

afterEach(() => setLang("zh-CN"));

const typed = (figures: Partial<Record<FigureKey, string>>) => ({ ...typedOf(noFilters()), ...figures });

test("figures go to the address and come back as they were typed", () => {
  const figures = typed({
    shortest: "60",
    minSilenceShare: "30.5",
    minMonologueMs: "8.5",
    minInterruptions: "0",
  });
  const written = writtenOf(figures);
  expect(written).toMatchObject({
    shortest: "60",
    minSilenceShare: "305",
    minMonologueMs: "8500",
    longest: "",
  });
  expect(typedOf({ ...noFilters(), ...written })).toEqual(figures);
  expect(writtenOf(typed({ longest: " ６０ " })).longest).toBe("60");
});

test.each([
  ["letters", { shortest: "1m" }, ["shortest"]],
  ["less than nothing", { longest: "-1" }, ["longest"]],
  ["a part of a second", { longest: "1.5" }, ["longest"]],
  ["more than an address takes", { longest: "1000000" }, ["longest"]],
  ["more than all", { minSilenceShare: "150" }, ["minSilenceShare"]],
  ["finer than the server counts", { maxAgentShare: "3.25" }, ["maxAgentShare"]],
  ["a word", { minInterruptions: "often" }, ["minInterruptions"]],
  ["shortest beyond longest", { shortest: "600", longest: "10" }, ["longest"]],
  ["least beyond greatest", { minAgentShare: "60", maxAgentShare: "59.9" }, ["maxAgentShare"]],
  ["a bound beyond nonsense", { shortest: "600", longest: "ten" }, ["longest"]],
  ["bounds that meet", { shortest: "10", longest: "10", minSilenceShare: "100", maxSilenceShare: "100" }, []],
  ["by their size, not their letters", { shortest: "9", longest: "10" }, []],
] as const)("%s is told at its field, or is none", (_what, figures, wrong) => {
  expect(Object.keys(wrongIn(typed(figures)))).toEqual(wrong);
});

test("what is wrong is said in both languages", () => {
  const said = () => wrongIn(typed({ minSilenceShare: "150", shortest: "600", longest: "10" }));
  expect(said()).toEqual({
    minSilenceShare: "请填 0–100 的数字",
    longest: "“时长至少”比“时长至多”还大，没有通话能同时符合",
  });
  setLang("en");
  expect(said()).toEqual({
    minSilenceShare: "A number from 0 to 100",
    longest: "“Length at least” is more than “Length at most”: no call can be both",
  });
});
