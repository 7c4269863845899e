// Calls put on the shelf by hand: long ones, which no test can wait for, and such
// as other recorders left. The server reads them back as it does after a loss.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "./server";

const binary = process.env.EARSHOT_BIN ?? join(import.meta.dirname, "../../bin/earshot");
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

/**
 * Puts a copy of a call with one part on the shelf, with another file in place of
 * its audio; levels are repeated for as long as it lasts, or there are none.
 */
function put(
  server: Server,
  from: Shelved,
  file: string,
  change: Partial<Shelved>,
  part: Partial<Part>,
  levels: boolean,
): string {
  const [old] = from.parts;
  if (!old) throw new Error("nothing was recorded");
  const id = idLike(from.id, made++);
  const ending = file.slice(file.lastIndexOf("."));
  const name = `${beside(id)(old.file)}-1${ending}`;
  copyFileSync(file, audio(server, name));
  const sum = createHash("sha256").update(readFileSync(file)).digest("hex");
  const durationMs = part.durationMs ?? old.durationMs;
  const mine = {
    ...old,
    ...part,
    n: 1,
    startMs: 0,
    file: name,
    sha256: sum,
    bytes: statSync(file).size,
    clock: [],
  };
  const call = { ...from, id, durationMs, gaps: [], marks: [], flags: [], ...change, parts: [mine] };
  call.endedAt = new Date(Date.parse(from.startedAt) + durationMs).toISOString();
  if (levels) {
    const known = readFileSync(audio(server, old.file.replace(/-1\.\w+$/, "-1.levels"))).subarray(
      magic.length,
    );
    const steps = Math.ceil(durationMs / 100) * 2;
    const tiled = Buffer.alloc(steps);
    for (let at = 0; at < steps; at += known.length) known.copy(tiled, at);
    writeFileSync(audio(server, name.replace(ending, ".levels")), Buffer.concat([Buffer.from(magic), tiled]));
  }
  writeFileSync(audio(server, `${beside(id)(old.file)}.json`), JSON.stringify(call));
  return id;
}

/** Puts a call of so many hours on the shelf: a short one, over and over; answers its id. */
export function putLong(server: Server, from: Shelved, hours: number, folder: string): string {
  const [old] = from.parts;
  if (!old) throw new Error("nothing was recorded");
  const file = join(folder, `${hours}h.opus`);
  const loop = [
    "-stream_loop",
    "-1",
    "-i",
    audio(server, old.file),
    "-t",
    String(hours * 3600),
    "-c",
    "copy",
  ];
  execFileSync("ffmpeg", ["-v", "error", "-y", ...loop, file]);
  return put(server, from, file, {}, { durationMs: hours * 3_600_000 }, true);
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
  const as = codec === "gsm" ? ["-c:a", "libgsm_ms"] : ["-c:a", "adpcm_ms"];
  execFileSync("ffmpeg", [
    "-v",
    "error",
    "-y",
    "-i",
    audio(server, old.file),
    "-ac",
    "1",
    "-ar",
    "8000",
    ...as,
    file,
  ]);
  const full = { ...origin, batch: idLike(from.id, 0xfff), at: from.startedAt, by: "cli" };
  return put(
    server,
    from,
    file,
    { origin: full, channels: 1 },
    { codec, channels: 1, track: "mixed" },
    false,
  );
}

/** Has the server read the shelf again. */
export async function takeUp(server: Server): Promise<void> {
  await server.down();
  execFileSync(binary, ["reindex", "--data", server.folder], { stdio: "pipe" });
  await server.up();
}
