import { type QueryValue, request } from "./http";
import type {
  Agent,
  Audit,
  Branch,
  Call,
  CallLevels,
  CallPatch,
  Mark,
  Me,
  Role,
  Seat,
  SeatToken,
  Site,
  User,
} from "./types";

export { onSignedOut, Problem } from "./http";
export type * from "./types";

const at = encodeURIComponent;

export interface CallQuery {
  from?: string;
  to?: string;
  seat?: string[];
  agent?: string[];
  branch?: string[];
  kind?: string[];
  direction?: string[];
  number?: string;
  account?: string;
  ticket?: string;
  business?: string[];
  rating?: number[];
  flag?: string[];
  tag?: string[];
  state?: string[];
  q?: string;
  cursor?: string;
  limit?: number;
}

export interface AuditQuery {
  from?: string;
  to?: string;
  who?: string;
  action?: string;
  call?: string;
  cursor?: string;
  limit?: number;
}

export type NewMark = Pick<Mark, "kind" | "startMs" | "endMs"> &
  Partial<Pick<Mark, "side" | "text" | "shared">>;

const get = <T>(path: string, query?: object, signal?: AbortSignal) =>
  request<T>("GET", path, { query: query as Record<string, QueryValue>, signal });
const post = <T>(path: string, body?: unknown) => request<T>("POST", path, { body });
const patch = <T>(path: string, body: unknown) => request<T>("PATCH", path, { body });
const remove = (path: string) => request<void>("DELETE", path);

/** The whole API, one function a request. */
export const api = {
  login: (name: string, password: string) => post<Me & { token: string }>("/login", { name, password }),
  logout: () => post<void>("/logout"),
  me: () => get<Me>("/me"),
  changePassword: (old: string, next: string) => post<void>("/me/password", { old, new: next }),
  site: () => get<Site>("/site"),

  branches: () => get<{ branches: Branch[] | null }>("/branches").then((r) => r.branches ?? []),
  addBranch: (b: Branch) => post<Branch>("/branches", b),
  changeBranch: (id: string, b: Partial<Branch>) => patch<Branch>(`/branches/${at(id)}`, b),
  removeBranch: (id: string) => remove(`/branches/${at(id)}`),

  seats: () => get<{ seats: Seat[] | null }>("/seats").then((r) => r.seats ?? []),
  addSeat: (s: Seat) => post<Seat & SeatToken>("/seats", s),
  changeSeat: (id: string, s: Partial<Seat>) => patch<Seat>(`/seats/${at(id)}`, s),
  removeSeat: (id: string) => remove(`/seats/${at(id)}`),
  renewToken: (id: string) => post<SeatToken>(`/seats/${at(id)}/token`),
  setAgent: (id: string, agent: Agent) => request<void>("PUT", `/seats/${at(id)}/agent`, { body: agent }),

  users: () => get<{ users: User[] | null }>("/users").then((r) => r.users ?? []),
  addUser: (u: { id: string; name: string; role: Role; password: string }) => post<User>("/users", u),
  changeUser: (id: string, u: Partial<{ name: string; role: Role; disabled: boolean; password: string }>) =>
    patch<User>(`/users/${at(id)}`, u),
  removeUser: (id: string) => remove(`/users/${at(id)}`),

  calls: (query: CallQuery, signal?: AbortSignal) =>
    get<{ calls: Call[] | null; next: string }>("/calls", query, signal).then((r) => ({
      calls: r.calls ?? [],
      next: r.next ?? "",
    })),
  call: (id: string, signal?: AbortSignal) => get<Call>(`/calls/${at(id)}`, undefined, signal),
  changeCall: (id: string, p: CallPatch) => patch<Call>(`/calls/${at(id)}`, p),
  levels: (id: string, signal?: AbortSignal) => get<CallLevels>(`/calls/${at(id)}/levels`, undefined, signal),
  marks: (id: string) => get<{ marks: Mark[] | null }>(`/calls/${at(id)}/marks`).then((r) => r.marks ?? []),
  addMark: (id: string, mark: NewMark) => post<Mark>(`/calls/${at(id)}/marks`, mark),
  removeMark: (id: string, mark: string) => remove(`/calls/${at(id)}/marks/${at(mark)}`),
  callAudit: (id: string) =>
    get<{ audit: Audit[] | null }>(`/calls/${at(id)}/audit`).then((r) => r.audit ?? []),
  startCall: (seat: string, facts: CallPatch) => post<Call>(`/seats/${at(seat)}/calls`, facts),
  endCall: (id: string) => post<Call>(`/calls/${at(id)}/end`),
  pauseCall: (id: string, reason: string) => post<Call>(`/calls/${at(id)}/pause`, { reason }),
  resumeCall: (id: string) => post<Call>(`/calls/${at(id)}/resume`),

  audit: (query: AuditQuery, signal?: AbortSignal) =>
    get<{ audit: Audit[] | null; next: string }>("/audit", query, signal).then((r) => ({
      audit: r.audit ?? [],
      next: r.next ?? "",
    })),
};

/** Where a part's stored bytes are. */
export const partAudioUrl = (call: string, n: number) => `/api/v1/calls/${at(call)}/parts/${n}/audio`;
/** The same, as a file to keep; needs Download. */
export const partDownloadUrl = (call: string, n: number) => `${partAudioUrl(call, n)}?download=1`;
/** A self-contained excerpt as a file to keep. */
export const excerptUrl = (call: string, fromMs: number, toMs: number) =>
  `/api/v1/calls/${at(call)}/audio?fromMs=${Math.round(fromMs)}&toMs=${Math.round(toMs)}&download=1`;
