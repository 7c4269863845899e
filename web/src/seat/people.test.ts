import { beforeEach, expect, test } from "vitest";
import { recentAgents, rememberAgent, rememberedAgent } from "./people";

const agent = (n: number) => ({ id: `10${n}`, name: `名${n}` });

beforeEach(() => localStorage.clear());

test("who sits here is remembered, and who sat here before, each once", () => {
  for (const n of [1, 2, 1]) rememberAgent(localStorage, agent(n));
  expect(rememberedAgent(localStorage)).toEqual(agent(1));
  expect(recentAgents(localStorage)).toEqual([agent(1), agent(2)]);
});

test("who leaves stays in the list", () => {
  rememberAgent(localStorage, agent(1));
  rememberAgent(localStorage, null);
  expect(rememberedAgent(localStorage)).toBeNull();
  expect(recentAgents(localStorage)).toEqual([agent(1)]);
});

test("a new name for a staff number replaces the old", () => {
  rememberAgent(localStorage, { id: "7", name: "" });
  rememberAgent(localStorage, { id: "7", name: "王芳" });
  expect(recentAgents(localStorage)).toEqual([{ id: "7", name: "王芳" }]);
});

test("the list is short, damage is nothing", () => {
  for (let n = 0; n < 20; n++) rememberAgent(localStorage, { id: String(n), name: "" });
  expect(recentAgents(localStorage)).toHaveLength(8);
  localStorage.setItem("earshot.seat.agents", '[{"id":""},7,{"id":"7","name":"x"}]');
  localStorage.setItem("earshot.seat.agent", "{");
  expect(recentAgents(localStorage)).toEqual([{ id: "7", name: "x" }]);
  expect(rememberedAgent(localStorage)).toBeNull();
});
