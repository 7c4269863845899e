import { beforeEach, expect, test, vi } from "vitest";
import { LevelBoard, levelFill, levelGap, MeterPainter } from "./levels";

let board: LevelBoard;
let frames: FrameRequestCallback[];

beforeEach(() => {
  board = new LevelBoard();
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (fn: FrameRequestCallback) => frames.push(fn));
});

const frame = () => {
  for (const fn of frames.splice(0)) fn(0);
};
const bars = () => [document.createElement("i"), document.createElement("i")] as const;

test("a level fills the meter from the floor to full scale", () => {
  expect(levelFill(0)).toBe(1);
  expect(levelFill(30)).toBe(0.5);
  expect([60, 127, levelGap].map(levelFill)).toEqual([0, 0, 0]);
});

test("levels are found by seat, in the roster's order", () => {
  board.setRoster(["w1", "w2"]);
  board.take(Uint8Array.from([1, 2, 3, 4]));
  const i = board.indexOf("w2");
  expect([board.agent(i), board.customer(i)]).toEqual([3, 4]);
  expect(board.agent(board.indexOf("nobody"))).toBe(levelGap);
});

test("a message longer than the roster does no harm", () => {
  board.setRoster(["w1"]);
  board.take(Uint8Array.from([1, 2, 3, 4]));
  expect(board.customer(0)).toBe(2);
});

test("many messages between two frames are one painting", () => {
  const painter = new MeterPainter(board);
  const [a, c] = bars();
  painter.attach("w1", a, c);
  frame();
  board.setRoster(["w1"]);
  for (const level of [50, 40, 30]) {
    board.take(Uint8Array.from([level, levelGap]));
    painter.wake();
  }
  expect(frames).toHaveLength(1);
  frame();
  expect(a.style.backgroundSize).toBe("50% 100%");
  expect(c.style.backgroundSize).toBe("0% 100%");
});

test("a meter follows its seat when the roster changes", () => {
  const painter = new MeterPainter(board);
  const [a, c] = bars();
  board.setRoster(["w1", "w2"]);
  painter.attach("w2", a, c);
  board.take(Uint8Array.from([60, 60, 30, 0]));
  painter.wake();
  frame();
  expect(a.style.backgroundSize).toBe("50% 100%");
  board.setRoster(["w2"]);
  board.take(Uint8Array.from([0, 60]));
  painter.wake();
  frame();
  expect(a.style.backgroundSize).toBe("100% 100%");
});

test("a detached meter is not painted, and nobody's frames are asked for", () => {
  const painter = new MeterPainter(board);
  const [a, c] = bars();
  const detach = painter.attach("w1", a, c);
  frame();
  detach();
  board.setRoster(["w1"]);
  painter.wake();
  expect(frames).toHaveLength(0);
});
