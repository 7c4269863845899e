import type { LocationQuery, LocationQueryRaw } from "vue-router";
import type { Call, NewPackage, PackageCall, Silence } from "@/api";
import { secondsOf } from "../archive/gaps";

// What somebody wants in an evidence package, as it stands in fields, and as
// the server is asked. Which calls it is about lives in the page's address.

export interface WantedCall {
  call: Call;
  whole: boolean;
  /** m:ss */
  from: string;
  to: string;
}
export interface WantedSilence {
  call: string;
  from: string;
  to: string;
  reason: string;
}
export interface Wanted {
  title: string;
  reason: string;
  calls: WantedCall[];
  silence: WantedSilence[];
  encryption: "none" | "passphrase" | "recipient";
  passphrase: string;
  recipient: string;
  language: "zh" | "en";
}

export const shortestPassphrase = 12;

/** The calls an address speaks of: ID, or ID@fromMs-toMs for a span. */
export function readCalls(query: LocationQuery): PackageCall[] {
  const all = Array.isArray(query.call) ? query.call : [query.call];
  const found: PackageCall[] = [];
  for (const text of all) {
    const [, call, from, to] = /^([0-9a-f-]{36})(?:@(\d+)-(\d+))?$/.exec(text ?? "") ?? [];
    if (!call || found.some((c) => c.call === call)) continue;
    found.push(
      from && to && Number(from) < Number(to) ? { call, fromMs: Number(from), toMs: Number(to) } : { call },
    );
  }
  return found;
}

export const writeCalls = (calls: PackageCall[]): LocationQueryRaw => ({
  call: calls.map((c) => (c.toMs === undefined ? c.call : `${c.call}@${c.fromMs ?? 0}-${c.toMs}`)),
});

/** The span that two fields say, ms; null if it is none within the length. */
export function spanOf(from: string, to: string, lengthMs: number): { fromMs: number; toMs: number } | null {
  const [a, b] = [secondsOf(from), secondsOf(to)];
  if (a === null || b === null || a >= b) return null;
  // Fields have whole seconds: the last of them may end beyond the call's end.
  if (b * 1000 >= lengthMs + 1000) return null;
  return { fromMs: a * 1000, toMs: Math.min(b * 1000, lengthMs) };
}

export type Fault =
  | { what: "title" | "reason" | "calls" | "passphrase" | "recipient" }
  | { what: "span" | "silence"; n: number };

/** What is missing or wrong, the first thing first; null if it can be made. */
export function faultOf(wanted: Wanted): Fault | null {
  if (wanted.calls.length === 0) return { what: "calls" };
  if (!wanted.title.trim()) return { what: "title" };
  if (!wanted.reason.trim()) return { what: "reason" };
  for (const [i, c] of wanted.calls.entries())
    if (!c.whole && !spanOf(c.from, c.to, c.call.durationMs)) return { what: "span", n: i };
  for (const [i, s] of wanted.silence.entries()) if (!silenceOf(wanted, s)) return { what: "silence", n: i };
  if (wanted.encryption === "passphrase" && [...wanted.passphrase].length < shortestPassphrase)
    return { what: "passphrase" };
  if (wanted.encryption === "recipient" && !/^age1[0-9a-z]{20,}$/.test(wanted.recipient.trim()))
    return { what: "recipient" };
  return null;
}

function silenceOf(wanted: Wanted, s: WantedSilence): Silence | null {
  const about = wanted.calls.find((c) => c.call.id === s.call);
  const span = about && spanOf(s.from, s.to, about.call.durationMs);
  return span && s.reason.trim() ? { call: s.call, ...span, reason: s.reason.trim() } : null;
}

/** What the server is asked; only for what has no fault. */
export function requestOf(wanted: Wanted): NewPackage {
  const request: NewPackage = {
    title: wanted.title.trim(),
    reason: wanted.reason.trim(),
    calls: wanted.calls.map((c) => ({
      call: c.call.id,
      ...(c.whole ? {} : spanOf(c.from, c.to, c.call.durationMs)),
    })),
    silence: wanted.silence.map((s) => silenceOf(wanted, s)).filter((s) => s !== null),
    language: wanted.language,
  };
  if (wanted.encryption === "passphrase") request.passphrase = wanted.passphrase;
  if (wanted.encryption === "recipient") request.recipient = wanted.recipient.trim();
  return request;
}
