import type { Gap, Mark } from "@/api";
import type { Stretch } from "@/dock/silence";
import type { SideLevels } from "../peaks";
import {
  barsOf,
  hatchesOf,
  type Lane,
  laneLevels,
  minorTicksOf,
  placeOf,
  ticksOf,
  type View,
} from "./geometry";
import { isAlert } from "./marks";

// Draws what is in sight of a waveform onto a canvas; nothing outside it is
// touched, so that an hour costs no more than a minute.

export const laneHeight = 76;
export const axisHeight = 20;
export const miniHeight = 26;

export interface Paint {
  view: View;
  lengthMs: number;
  lanes: Lane[];
  levels: SideLevels | null;
  gaps: Gap[];
  marks: Mark[];
  /** What is chosen. */
  span: Stretch | null;
  /** What is jumped while it plays. */
  silences: Stretch[];
  cause: (cause: Gap["cause"]) => string;
  time: (ms: number) => string;
}

const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const laneColour = (lane: Lane) => token(lane === "customer" ? "--text-2" : "--meter");

/** Makes the canvas as fine as the screen and empty. */
function begin(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const fine = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * fine)) canvas.width = Math.round(width * fine);
  if (canvas.height !== Math.round(height * fine)) canvas.height = Math.round(height * fine);
  const ctx = canvas.getContext("2d");
  ctx?.setTransform(fine, 0, 0, fine, 0, 0);
  ctx?.clearRect(0, 0, width, height);
  return ctx;
}

export function paintLanes(canvas: HTMLCanvasElement, p: Paint): void {
  const bottom = p.lanes.length * laneHeight;
  const ctx = begin(canvas, p.view.width, bottom + axisHeight);
  if (!ctx) return;
  const ticks = ticksOf(p.view, p.lengthMs);
  ctx.fillStyle = token("--line");
  for (const at of ticks) ctx.fillRect(Math.round(placeOf(p.view, at)), 0, 1, bottom);
  if (p.span) paintBand(ctx, p.view, p.span, 0, bottom, "--accent-soft");
  p.lanes.forEach((lane, i) => {
    paintMarks(ctx, p, lane, i * laneHeight);
    paintLane(ctx, p, lane, i * laneHeight);
    if (i === 0) return;
    ctx.fillStyle = token("--line");
    ctx.fillRect(0, i * laneHeight, p.view.width, 1);
  });
  for (const silence of p.silences) paintBand(ctx, p.view, silence, bottom - 3, 3, "--idle");
  paintAxis(ctx, p, ticks, bottom);
  if (p.span) paintEnds(ctx, p.view, p.span, bottom + 8);
}

/** Fills a stretch of time, as far as it is in sight and within. */
function paintBand(
  ctx: CanvasRenderingContext2D,
  view: View,
  { fromMs, toMs }: Stretch,
  top: number,
  high: number,
  colour: string,
  within = { x: 0, width: view.width },
): void {
  const left = Math.max(within.x, placeOf(view, fromMs));
  const right = Math.min(within.x + within.width, placeOf(view, toMs));
  if (right < within.x || left > within.x + within.width) return;
  ctx.fillStyle = token(colour);
  ctx.fillRect(left, top, Math.max(1, right - left), high);
}

function paintEnds(ctx: CanvasRenderingContext2D, view: View, span: Stretch, bottom: number): void {
  ctx.fillStyle = token("--accent");
  for (const ms of [span.fromMs, span.toMs]) ctx.fillRect(Math.round(placeOf(view, ms)) - 1, 0, 2, bottom);
}

/** Marks that last: a band at the top of the lanes they concern. */
function paintMarks(ctx: CanvasRenderingContext2D, p: Paint, lane: Lane, top: number): void {
  for (const mark of p.marks) {
    if (mark.endMs <= mark.startMs || (mark.side && lane !== "mixed" && mark.side !== lane)) continue;
    const stretch = { fromMs: mark.startMs, toMs: mark.endMs };
    const [ground, edge] = isAlert(mark) ? ["--paused-soft", "--paused"] : ["--sunken", "--accent"];
    paintBand(ctx, p.view, stretch, top, laneHeight, ground);
    paintBand(ctx, p.view, stretch, top, 3, edge);
  }
}

function paintLane(ctx: CanvasRenderingContext2D, p: Paint, lane: Lane, top: number): void {
  const middle = top + laneHeight / 2;
  const half = laneHeight / 2 - 5;
  const hatches = hatchesOf(p.gaps, lane, p.view);
  for (const hatch of hatches) {
    if (hatch.slight) {
      ctx.fillStyle = token("--line-strong");
      ctx.fillRect(hatch.x, top + laneHeight - 4, hatch.width, 4);
      continue;
    }
    ctx.fillStyle = token("--sunken");
    ctx.fillRect(hatch.x, top, hatch.width, laneHeight);
    if (p.span) paintBand(ctx, p.view, p.span, top, laneHeight, "--accent-soft", hatch);
    ctx.fillStyle = hatching(ctx) ?? token("--line-strong");
    ctx.fillRect(hatch.x, top, hatch.width, laneHeight);
  }
  ctx.fillStyle = token("--line-strong");
  ctx.fillRect(0, middle - 0.5, Math.min(p.view.width, placeOf(p.view, p.lengthMs)), 1);
  if (p.levels) {
    ctx.fillStyle = laneColour(lane);
    for (const bar of barsOf(laneLevels(p.levels, lane), p.levels.stepMs, p.view)) {
      const reach = bar.height * half;
      if (reach > 0.5) ctx.fillRect(bar.x, middle - reach, Math.max(1, bar.width - 1), 2 * reach);
    }
  }
  for (const hatch of hatches) {
    if (hatch.slight) continue;
    sayCause(ctx, hatch.causes.map(p.cause).join(" · "), hatch.x, hatch.width, middle);
  }
}

/** Writes a gap's cause into it if there is room. */
function sayCause(
  ctx: CanvasRenderingContext2D,
  text: string,
  x: number,
  width: number,
  middle: number,
): void {
  ctx.font = `12px ${token("--font")}`;
  const needed = ctx.measureText(text).width + 12;
  if (needed > width - 6) return;
  const left = x + (width - needed) / 2;
  ctx.fillStyle = token("--surface");
  ctx.beginPath();
  ctx.roundRect(left, middle - 10, needed, 20, 4);
  ctx.fill();
  ctx.fillStyle = token("--text-2");
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillText(text, left + 6, middle + 0.5);
}

let made: { key: string; pattern: CanvasPattern | null } | null = null;

/** Slanted lines in the colour of the theme. */
function hatching(ctx: CanvasRenderingContext2D): CanvasPattern | null {
  const colour = token("--line-strong");
  const fine = window.devicePixelRatio || 1;
  const key = `${colour}/${fine}`;
  if (made?.key === key) return made.pattern;
  const side = 7;
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.round(side * fine);
  const pen = tile.getContext("2d");
  if (!pen) return null;
  pen.scale(tile.width / side, tile.width / side);
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.75;
  pen.lineWidth = 1;
  for (const shift of [-side, 0, side]) {
    pen.beginPath();
    pen.moveTo(shift - 1, side + 1);
    pen.lineTo(shift + side + 1, -1);
    pen.stroke();
  }
  const pattern = ctx.createPattern(tile, "repeat");
  pattern?.setTransform(new DOMMatrix().scale(side / tile.width));
  made = { key, pattern };
  return pattern;
}

function paintAxis(ctx: CanvasRenderingContext2D, p: Paint, ticks: number[], top: number): void {
  ctx.fillStyle = token("--line-strong");
  ctx.fillRect(0, top, p.view.width, 1);
  for (const at of minorTicksOf(p.view, p.lengthMs)) ctx.fillRect(Math.round(placeOf(p.view, at)), top, 1, 3);
  ctx.font = `11px ${token("--font")}`;
  ctx.textBaseline = "middle";
  for (const at of ticks) {
    const x = Math.round(placeOf(p.view, at));
    ctx.fillStyle = token("--line-strong");
    ctx.fillRect(x, top, 1, 5);
    const text = p.time(at);
    const wide = ctx.measureText(text).width;
    if (x + 4 + wide > p.view.width) continue;
    ctx.fillStyle = token("--text-3");
    ctx.textAlign = "left";
    ctx.fillText(text, x + 4, top + 11);
  }
}

/** The whole call in little: agent above, customer below, gaps grey. */
export function paintMini(canvas: HTMLCanvasElement, p: Paint): void {
  const { view } = p;
  const ctx = begin(canvas, view.width, miniHeight);
  if (!ctx) return;
  const middle = miniHeight / 2;
  if (p.span) paintBand(ctx, view, p.span, 0, miniHeight, "--accent-soft");
  ctx.fillStyle = hatching(ctx) ?? token("--line");
  p.lanes.forEach((lane, i) => {
    const half = p.lanes.length === 1 ? miniHeight : middle;
    for (const hatch of hatchesOf(p.gaps, lane, view))
      if (!hatch.slight) ctx.fillRect(hatch.x, i * half, hatch.width, half);
  });
  if (p.levels) paintMiniLevels(ctx, p, p.levels, middle);
  if (p.span) paintEnds(ctx, view, p.span, miniHeight);
  for (const { startMs, kind } of p.marks) {
    if (kind === "pause") continue;
    ctx.fillStyle = token("--accent");
    ctx.fillRect(Math.round(placeOf(view, startMs)), 0, 1, 5);
  }
}

function paintMiniLevels(ctx: CanvasRenderingContext2D, p: Paint, levels: SideLevels, middle: number): void {
  const { view } = p;
  for (const lane of p.lanes) {
    ctx.fillStyle = laneColour(lane);
    for (const bar of barsOf(laneLevels(levels, lane), levels.stepMs, view)) {
      const reach = bar.height * (middle - 1);
      if (reach < 0.4) continue;
      const width = Math.max(1, bar.width - 1);
      if (lane !== "customer") ctx.fillRect(bar.x, middle - reach, width, reach);
      if (lane !== "agent") ctx.fillRect(bar.x, middle, width, reach);
    }
  }
}
