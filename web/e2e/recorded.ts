// A hall in which calls have been recorded. Recording takes the time that is
// recorded, so that it is done once for all files of a run: the first that wants
// it records it, the others begin with a copy of the data folder.
import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { beginCall, type Call, reach, recordCall, seatIs, storeCall } from "./recording";
import { Server } from "./server";

export interface Recorded {
  server: Server;
  /** A call of twelve seconds in one part. */
  call: Call;
  /** A call of two parts. */
  several: Call;
}

/** Starts a server in whose hall, at seat w1 (1 号窗口), both calls have been recorded. */
export async function startRecorded(): Promise<Recorded> {
  const kept = join(inject("shared"), "recorded");
  if (!existsSync(kept)) await record(kept);
  const server = await Server.startOnCopy(join(kept, "data"));
  const calls = readFileSync(join(kept, "calls.json"), "utf8");
  return { server, ...(JSON.parse(calls) as Omit<Recorded, "server">) };
}

async function record(kept: string): Promise<void> {
  const server = await Server.start();
  try {
    await server.makeBranch("east", "城东营业厅");
    const seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
    let hush = server.speak(seat, "gas-leak");
    await seatIs(server, "w1", "idle");
    const call = await recordCall(server, "w1", 12_000, { account: "7731" });
    const id = await beginCall(server, "w1", { account: "7731" });
    await reach(server, id, 1, 4000);
    await hush();
    hush = server.speak(seat, "gas-leak");
    await reach(server, id, 2, 3000);
    const several = await storeCall(server, id);
    await hush();
    await server.down();
    // Whole or not there: who is cut off in the middle leaves nothing to begin with.
    const half = `${kept}.part`;
    cpSync(server.folder, join(half, "data"), { recursive: true });
    writeFileSync(join(half, "calls.json"), JSON.stringify({ call, several }));
    renameSync(half, kept);
  } finally {
    await server.close();
  }
}
