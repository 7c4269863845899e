import { expect, test } from "vitest";
import { buildTree, flatTree } from "./directory";

const branch = (id: string, parent = "") => ({ id, name: id, parent });

test("branches are listed below their parents, by name", () => {
  const flat = flatTree(
    buildTree([branch("b2", "b"), branch("b"), branch("a"), branch("b10", "b"), branch("b2x", "b2")]),
  );
  expect(flat.map((n) => [n.branch.id, n.depth])).toEqual([
    ["a", 0],
    ["b", 0],
    ["b2", 1],
    ["b2x", 2],
    ["b10", 1],
  ]);
});

test("a branch whose parent is missing, or is itself, is a root", () => {
  const flat = flatTree(buildTree([branch("a", "gone"), branch("b", "b")]));
  expect(flat.map((n) => n.depth)).toEqual([0, 0]);
});
