// Integrity, until the server describes it itself.

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
