// A call whose sides have a file each, which begin and end at different times: as
// two devices leave them, and recorders where the sides keep no common slots.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { hear } from "./browser";
import { CallPage } from "./callpage";
import { type Envelope, envelope, likenessAt, match, stepMs, unbroken } from "./likeness";
import { startRecorded } from "./recorded";
import { type Call, callOf } from "./recording";
import { demo, type Server } from "./server";
import { type OneSide, putSides, shelved, takeUp } from "./shelf";
import { decode } from "./sound";
import { setStage } from "./stage";

type Side = OneSide["track"];
type Ear = "left" | "right";
const earOf: Record<Side, Ear> = { agent: "left", customer: "right" };
/** So far what is heard may lie from its place, on a machine that stutters, ms. */
const give = 300;
/** What is right is at least so much alike. */
const sure = 0.95;

/** Who is heard from when to when, ms: the side that ends first, and the other. */
interface Row {
  name: string;
  codec: OneSide["codec"];
  agent: [number, number];
  customer: [number, number];
  first: Side;
}
const rows: Row[] = [
  {
    ...{ name: "Opus, the agent's ends first", codec: "opus", first: "agent" },
    ...{ agent: [0, 8000], customer: [0, 17_000] },
  },
  {
    ...{ name: "A-law, the customer's begins later and ends first", codec: "pcma", first: "customer" },
    ...{ agent: [0, 16_000], customer: [1500, 9000] },
  },
];

const ids = new Map<string, string>();
let page: Page;
let on: CallPage;
const stage = setStage("sides", {
  serve: async () => {
    const { server, call } = await startRecorded();
    const from = shelved(server, call.id, call.parts[0]?.file ?? "");
    for (const row of rows) ids.set(row.name, putSides(server, from, sidesOf(row)));
    await takeUp(server);
    return server;
  },
});

beforeAll(async () => {
  page = await stage.enter({ tapped: true });
  on = new CallPage(page, stage.server);
});

/** A file a side in which somebody speaks all the time: what is silent is silent because it has ended. */
function sidesOf(row: Row): OneSide[] {
  return (["agent", "customer"] as const).map((track) => {
    const [startMs, endMs] = row[track];
    const durationMs = endMs - startMs;
    const file = join(stage.folder, `${row.codec}-${track}.${row.codec === "opus" ? "opus" : "wav"}`);
    const speech = ["water-bill", "gas-inspection", "water-bill"].map(
      (name) => `${demo}/${name}-${track}.opus`,
    );
    execFileSync("ffmpeg", [
      ...["-v", "error", "-y", ...speech.flatMap((name) => ["-i", name])],
      ...[
        "-filter_complex",
        "concat=n=3:v=0:a=1,silenceremove=stop_periods=-1:stop_duration=0.3:stop_threshold=-40dB",
      ],
      ...["-t", String(durationMs / 1000), "-ac", "1"],
      ...(row.codec === "opus" ? ["-c:a", "libopus", "-b:a", "32k"] : ["-c:a", "pcm_alaw", "-ar", "8000"]),
      file,
    ]);
    return { track, codec: row.codec, file, startMs, durationMs };
  });
}

/** Decodes the stored files and lays each on the call's timeline, in its side's ear. */
async function timelineOf(server: Server, call: Call): Promise<Record<Ear, Envelope>> {
  const lay = async (track: Side) => {
    const whole = new Float32Array(call.durationMs * 48);
    for (const part of call.parts.filter((p) => p.track === track)) {
      const answer = await server.fetch(`/api/v1/calls/${call.id}/parts/${part.n}/audio`);
      const file = join(stage.folder, `part-${part.n}`);
      writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
      const [samples = new Float32Array()] = decode(file);
      const from = part.startMs * 48;
      whole.set(samples.subarray(0, whole.length - from), from);
    }
    return envelope(whole);
  };
  return { left: await lay("agent"), right: await lay("customer") };
}

/**
 * Listens for so many seconds while it plays, and says where on the timeline, ms,
 * what one ear heard began; the dock must have been there.
 */
async function hearAt(seconds: number, recorded: Record<Ear, Envelope>, ear: Ear) {
  const before = await on.positionMs();
  const listened = await hear(page, seconds);
  const after = await on.positionMs();
  // A busy machine interrupts it; it goes on where it was.
  const [left, right] = unbroken([listened.left, listened.right]) as [Envelope, Envelope];
  const heard = { left, right };
  const found = match([heard[ear]], [recorded[ear]], { give });
  const place = found.ms;
  console.log(`${ear}: ${found.likeness.toFixed(3)} at ${place} ms; the dock ${before} to ${after} ms`);
  expect(found.likeness, `what the ${ear} ear heard`).toBeGreaterThan(sure);
  expect(place, "not before the dock's place").toBeGreaterThan(before - 400);
  expect(place, "nor behind it").toBeLessThan(after - left.length * stepMs + 400);
  return { heard, place };
}

/** How alike what an ear heard, from one step to another, is to what was recorded there. */
function alike(
  heard: Record<Ear, Envelope>,
  recorded: Record<Ear, Envelope>,
  ear: Ear,
  place: number,
  upTo: number,
): number {
  const steps = heard[ear].slice(0, Math.floor((upTo - place) / stepMs));
  return match([steps], [recorded[ear]], { from: place - give, to: place + give, give }).likeness;
}

/** The loudest that an ear heard from an instant of the timeline on. */
const loudest = (heard: Record<Ear, Envelope>, ear: Ear, place: number, from: number): number =>
  Math.max(0, ...heard[ear].slice(Math.max(0, Math.ceil((from - place) / stepMs))));

describe.each(rows)("sides with a file each: $name", (row) => {
  const last: Side = row.first === "agent" ? "customer" : "agent";
  const [short, long] = [earOf[row.first], earOf[last]];
  const ends = row[row.first][1];
  let call: Call;
  let recorded: Record<Ear, Envelope>;

  beforeAll(async () => {
    call = await callOf(stage.server, ids.get(row.name) ?? "");
    recorded = await timelineOf(stage.server, call);
  });

  test("lasts as long as the longer, and its waveform says where the shorter has ended", async () => {
    expect(call.durationMs).toBe(row[last][1]);
    const levels = await stage.server.api<Record<Side, string>>("GET", `/api/v1/calls/${call.id}/levels`);
    const [first, other] = [row.first, last].map((side) => [...Buffer.from(levels[side], "base64")]);
    const end = Math.ceil(ends / 100);
    const gap = 255;
    expect(first?.slice(end + 1).every((level) => level === gap)).toBe(true);
    expect(first?.slice(row[row.first][0] / 100, end).some((level) => level < 60)).toBe(true);
    expect(other?.slice(end).some((level) => level < 60)).toBe(true);
  });

  test("both are heard, each in its ear and at its time", async () => {
    await on.open(call.id, "?t=2");
    await on.play();
    await on.plays();
    await on.goesOnFrom(2000);
    const { heard, place } = await hearAt(4, recorded, long);
    expect(alike(heard, recorded, short, place, ends), "the other ear, at the same time").toBeGreaterThan(
      sure,
    );
    const crossed = likenessAt([heard[long]], [recorded[short]], place);
    expect(crossed, "no side in the other ear").toBeLessThan(0.5);
  });

  test("the shorter ends in its own time and is silent from there on; the longer goes on", async () => {
    await on.open(call.id);
    await on.playFrom(ends - 3000);
    const { heard, place } = await hearAt(6, recorded, long);
    expect(place, "it was heard before its end").toBeLessThan(ends - 1000);
    expect(alike(heard, recorded, short, place, ends), "before its end").toBeGreaterThan(sure);
    expect(loudest(heard, short, place, ends + 200), "after its end").toBeLessThan(0.0005);
    expect(loudest(heard, long, place, ends + 200), "the longer").toBeGreaterThan(0.01);
  });

  test("a seek beyond its end leaves it silent, one back brings it again", async () => {
    await on.open(call.id);
    await on.playFrom(ends + 1500);
    const beyond = await hearAt(3, recorded, long);
    expect(Math.max(...beyond.heard[short]), "beyond its end").toBeLessThan(0.0005);
    await on.seek(2000);
    await on.goesOnFrom(2000);
    const back = await hearAt(4, recorded, long);
    expect(alike(back.heard, recorded, short, back.place, ends), "back again").toBeGreaterThan(sure);
  });

  test("it plays to the end of the longer and stands there", async () => {
    await on.open(call.id);
    await on.playFrom(call.durationMs - 1500);
    await on.stands();
    expect(Math.abs((await on.positionMs()) - call.durationMs)).toBeLessThan(300);
    await on.press("s");
  });
});
