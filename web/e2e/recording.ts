// Calls as a test makes them: begun at a seat that speaks, recorded for so long,
// ended, and waited for until they are stored.
import { type Server, until } from "./server";

export interface Part {
  n: number;
  track: string;
  file: string;
  sha256: string;
  startMs: number;
  durationMs: number;
}
export interface Mark {
  id: string;
  kind: string;
  text: string;
  by: string;
  startMs: number;
  endMs: number;
  shared: boolean;
}
export interface Call {
  id: string;
  state: string;
  account: string;
  durationMs: number;
  parts: Part[];
  gaps: { side: string; cause: string; startMs: number; endMs: number }[];
  marks: Mark[];
  tags: string[];
  flags: string[];
  holds: { reason: string; releasedAt: string | null }[];
  talk?: { agentShare: number; customerShare: number };
}

export const callOf = (server: Server, id: string): Promise<Call> =>
  server.api<Call>("GET", `/api/v1/calls/${id}`);

/** Waits until a seat is in a state: `idle`, `live`, `paused`, `offline`. */
export const seatIs = (server: Server, seat: string, state: string): Promise<boolean> =>
  until(`seat ${seat} to be ${state}`, async () => {
    const now = await server.api<{ state: string }>("GET", `/api/v1/seats/${seat}/state`);
    return now.state === state;
  });

/** Begins a call at a seat; answers its id. */
export async function beginCall(
  server: Server,
  seat: string,
  fields: object = { account: "5502" },
): Promise<string> {
  return (await server.api<Call>("POST", `/api/v1/seats/${seat}/calls`, fields)).id;
}

/** Waits until so much of a call's n-th part has been recorded, ms. */
export const reach = (server: Server, id: string, n: number, ms: number): Promise<boolean> =>
  until(
    `part ${n} to reach ${ms} ms`,
    async () => ((await callOf(server, id)).parts.find((p) => p.n === n)?.durationMs ?? 0) > ms,
    60 + ms / 1000,
  );

/** Ends a call and waits until all of it is stored. */
export async function storeCall(server: Server, id: string): Promise<Call> {
  await server.api("POST", `/api/v1/calls/${id}/end`);
  return untilStored(server, id);
}

/** Waits until all of a call that has ended is stored. */
export const untilStored = (server: Server, id: string): Promise<Call> =>
  until(
    "the call to be stored",
    async () => {
      const call = await callOf(server, id);
      return call.state === "stored" && call.parts.every((p) => p.sha256) && call;
    },
    60,
  );

/** Records so much at a seat that speaks, ms, and waits until it is stored. */
export async function recordCall(server: Server, seat: string, ms: number, fields?: object): Promise<Call> {
  const id = await beginCall(server, seat, fields);
  await reach(server, id, 1, ms);
  return storeCall(server, id);
}
