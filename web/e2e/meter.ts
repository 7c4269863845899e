import type { Locator } from "playwright-core";

/** Watches both bars of a meter until each has moved enough times: the heights each took. */
export function meterMoves(meter: Locator, enough: number): Promise<{ left: number[]; right: number[] }> {
  return meter.evaluate(
    (el, wanted) =>
      new Promise((done, failed) => {
        const moves = { left: [] as number[], right: [] as number[] };
        const watch = new MutationObserver((changes) => {
          for (const { target } of changes) {
            const bar = target as HTMLElement;
            const [, length, percent] = /([\d.]+)(%?)/.exec(bar.style.cssText) ?? [];
            const part = Number(length) / (percent ? 100 : 1);
            moves[bar.className === "left" ? "left" : "right"].push(part);
          }
          if (moves.left.length < wanted || moves.right.length < wanted) return;
          watch.disconnect();
          done(moves);
        });
        watch.observe(el, { subtree: true, attributeFilter: ["style"] });
        const { left, right } = moves;
        setTimeout(() => failed(new Error(`moves: left ${left.length}, right ${right.length}`)), 40_000);
      }),
    enough,
  );
}
