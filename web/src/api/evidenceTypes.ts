import type { components } from "./schema.gen";

// Keeping and proving, until the server describes it itself.

type Call = components["schemas"]["Call"];
export type Hold = components["schemas"]["Hold"];
export type HoldState = "active" | "past" | "all";
export interface HoldQuery {
  state?: HoldState;
  call?: string;
  seat?: string;
  cursor?: string;
  limit?: number;
}
export interface HoldList {
  holds: Hold[];
  next: string;
}
/** On a call, or on a seat's window of time. */
export interface NewHold {
  call?: string;
  seat?: string;
  from?: string;
  to?: string;
  reason: string;
  until?: string;
}

export interface Policy {
  id: string;
  name: string;
  branch: string;
  kind: "" | "counter" | "hotline";
  business: string;
  keepDays: number;
  deleteDays: number;
}
export interface DueCall {
  call: Call;
  policy: string;
  dueAt: string;
}
export interface DuePage {
  at: string;
  runsAt: string;
  calls: DueCall[];
  count: number;
  countCapped: boolean;
  bytes: number;
  held: number;
  next: string;
}
export interface RetentionRun {
  at: string;
  endedAt: string;
  deleted: number;
  bytes: number;
  failed: number;
  reason: "nightly" | "disk_full";
}

export interface PackageCall {
  call: string;
  fromMs?: number;
  toMs?: number;
}
export interface Silence {
  call: string;
  fromMs: number;
  toMs: number;
  reason: string;
}
export interface NewPackage {
  title: string;
  reason: string;
  calls: PackageCall[];
  silence: Silence[];
  passphrase?: string;
  recipient?: string;
  language: "zh" | "en";
}
export interface Package {
  id: string;
  title: string;
  reason: string;
  by: string;
  at: string;
  state: "making" | "ready" | "failed";
  progress: number;
  bytes: number;
  sha256: string;
  file: string;
  error: string;
  calls: PackageCall[];
  silence?: Silence[];
  encrypted: boolean;
  fingerprint: string;
  expiresAt: string;
}
export interface PackageList {
  packages: Package[];
  next: string;
}

export interface LedgerKey {
  fingerprint: string;
  name: string;
  since: string;
  until: string;
}
export interface Witness {
  name: string;
  kind: string;
  at: string;
  size: number;
  error: string;
}
export interface Ledger {
  size: number;
  root: string;
  signedAt: string;
  fingerprint: string;
  algorithm: string;
  keys: LedgerKey[];
  witnesses: Witness[];
  pending: number;
}
export interface PartProof {
  n: number;
  entry: number;
  size: number;
  head: string;
  proof: string[];
}
export interface Scrub {
  state: "idle" | "running";
  at: string;
  checked: number;
  bytes: number;
  total: number;
  share: number;
  next: string;
}
export interface IntegrityProblem {
  id: string;
  code: string;
  call: string;
  file: string;
  text: string;
  foundAt: string;
  resolvedAt: string;
}
export interface DamagedFile {
  file: string;
  what: string;
  since: string;
}
export interface Integrity {
  scrub: Scrub;
  problems: IntegrityProblem[];
  damaged: DamagedFile[];
}
