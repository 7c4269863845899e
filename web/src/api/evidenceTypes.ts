// Packages and integrity, until the server describes them itself.

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
  state: "making" | "ready" | "failed" | "gone";
  progress: number;
  bytes: number;
  sha256: string;
  file: string;
  error: string;
  calls: PackageCall[];
  silence: Silence[];
  encrypted: boolean;
  fingerprint: string;
  expiresAt: string;
}
export interface PackageList {
  packages: Package[];
  next: string;
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
