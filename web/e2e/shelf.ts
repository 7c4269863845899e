// Calls put on the shelf by hand: long ones, which no test can wait for, and such
// as other recorders left. The server reads them back as it does after a loss.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, type Server } from "./server";

const magic = "ESLEVEL1";

interface Part {
  n: number;
  file: string;
  codec: string;
  channels: number;
  track: string;
  startMs: number;
  durationMs: number;
  bytes: number;
  sha256: string;
}
export interface Shelved {
  id: string;
  startedAt: string;
  endedAt: string;
  durationMs: number;
  parts: Part[];
  [more: string]: unknown;
}

const audio = (server: Server, name: string) => join(server.folder, "audio", name);
const beside = (id: string) => (file: string) => `${file.slice(0, file.lastIndexOf("/") + 1)}${id}`;

/** An id of the same time as another, so that it lies in the same folder. */
const idLike = (id: string, n: number) => `${id.slice(0, -4)}${(0xa000 + n).toString(16)}`;

/** The file of a stored call that says all that is known of it. */
export function shelved(server: Server, id: string, file: string): Shelved {
  return JSON.parse(readFileSync(audio(server, `${beside(id)(file)}.json`), "utf8"));
}

let made = 0;

/** A file that is to be a part, and what is said of it. */
interface Piece {
  file: string;
  part: Partial<Part>;
  /** Whether levels are repeated for as long as it lasts; else there are none, or the server measures them. */
  levels?: boolean;
}

/** Puts a copy of a call with one part on the shelf, with other files in place of its audio; answers its id. */
function put(server: Server, from: Shelved, pieces: Piece[], change: Partial<Shelved> = {}): string {
  const [old] = from.parts;
  if (!old) throw new Error("nothing was recorded");
  const id = idLike(from.id, made++);
  const parts = pieces.map(({ file, part, levels }, i) => {
    const ending = file.slice(file.lastIndexOf("."));
    const name = `${beside(id)(old.file)}-${i + 1}${ending}`;
    copyFileSync(file, audio(server, name));
    const sum = createHash("sha256").update(readFileSync(file)).digest("hex");
    const bytes = statSync(file).size;
    const mine = { ...old, startMs: 0, clock: [], ...part, n: i + 1, file: name, sha256: sum, bytes };
    if (levels) repeatLevels(server, old, name.replace(ending, ".levels"), mine.durationMs);
    return mine;
  });
  const durationMs = Math.max(...parts.map((p) => p.startMs + p.durationMs));
  const call = { ...from, id, durationMs, gaps: [], marks: [], flags: [], ...change, parts };
  call.endedAt = new Date(Date.parse(from.startedAt) + durationMs).toISOString();
  writeFileSync(audio(server, `${beside(id)(old.file)}.json`), JSON.stringify(call));
  return id;
}

function repeatLevels(server: Server, old: Part, name: string, durationMs: number): void {
  const file = readFileSync(audio(server, old.file.replace(/-1\.\w+$/, "-1.levels")));
  const known = file.subarray(magic.length);
  const tiled = Buffer.alloc(Math.ceil(durationMs / 100) * 2);
  for (let at = 0; at < tiled.length; at += known.length) known.copy(tiled, at);
  writeFileSync(audio(server, name), Buffer.concat([Buffer.from(magic), tiled]));
}

/** Puts a call of so many hours on the shelf: a short one, over and over; answers its id. */
export function putLong(server: Server, from: Shelved, hours: number, folder: string): string {
  const [old] = from.parts;
  if (!old) throw new Error("nothing was recorded");
  const file = join(folder, `${hours}h.opus`);
  execFileSync("ffmpeg", [
    ...["-v", "error", "-y", "-stream_loop", "-1", "-i", audio(server, old.file)],
    ...["-t", String(hours * 3600), "-c", "copy", file],
  ]);
  return put(server, from, [{ file, part: { durationMs: hours * 3_600_000 }, levels: true }]);
}

/** Puts a call on the shelf as one that was brought in is: with a file of another codec, and no waveform. */
export function putForeign(
  server: Server,
  from: Shelved,
  codec: "adpcm" | "gsm",
  origin: { path: string; remarks: string[] },
  folder: string,
): string {
  const [old] = from.parts;
  if (!old) throw new Error("nothing was recorded");
  const file = join(folder, `${codec}.wav`);
  execFileSync("ffmpeg", [
    ...["-v", "error", "-y", "-i", audio(server, old.file), "-ac", "1", "-ar", "8000"],
    ...["-c:a", codec === "gsm" ? "libgsm_ms" : "adpcm_ms", file],
  ]);
  const full = { ...origin, batch: idLike(from.id, 0xfff), at: from.startedAt, by: "cli" };
  const part = { codec, channels: 1, track: "mixed" };
  return put(server, from, [{ file, part }], { origin: full, channels: 1 });
}

export interface OneSide {
  track: "agent" | "customer";
  codec: "opus" | "pcma";
  file: string;
  startMs: number;
  durationMs: number;
}

/** Puts a call on the shelf whose sides have a file each; answers its id. */
export function putSides(server: Server, from: Shelved, sides: OneSide[]): string {
  const pieces = sides.map(({ file, ...part }) => ({ file, part: { ...part, channels: 1 } }));
  return put(server, from, pieces, { channels: 2 });
}

/** Has the server read the shelf again. */
export async function takeUp(server: Server): Promise<void> {
  await server.down();
  execFileSync(binary, ["reindex", "--data", server.folder], { stdio: "pipe" });
  await server.up();
}
