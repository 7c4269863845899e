import { evidenceApi } from "./evidence";
import { bodyOf, client } from "./http";
import type {
  Agent,
  AuditQuery,
  Branch,
  CallPatch,
  CallQuery,
  MarkChange,
  NewMark,
  Role,
  Seat,
} from "./types";

export * from "./evidence";
export { onSignedOut, Problem } from "./http";
export type * from "./types";

const { GET, POST, PATCH, PUT, DELETE } = client;
const seat = (id: string) => ({ params: { path: { id } } });
const branch = seat;
const user = seat;
const call = seat;

/** The whole API, one function a request; each throws a Problem when refused. */
export const api = {
  login: (name: string, password: string) => bodyOf(POST("/api/v1/login", { body: { name, password } })),
  logout: () => bodyOf(POST("/api/v1/logout")),
  me: () => bodyOf(GET("/api/v1/me")),
  changePassword: (old: string, next: string) =>
    bodyOf(POST("/api/v1/me/password", { body: { old, new: next } })),
  site: () => bodyOf(GET("/api/v1/site")),

  branches: () => bodyOf(GET("/api/v1/branches")).then((r) => r.branches),
  addBranch: (body: Branch) => bodyOf(POST("/api/v1/branches", { body })),
  changeBranch: (id: string, body: Partial<Omit<Branch, "id">>) =>
    bodyOf(PATCH("/api/v1/branches/{id}", { ...branch(id), body })),
  removeBranch: (id: string) => bodyOf(DELETE("/api/v1/branches/{id}", branch(id))),

  seats: () => bodyOf(GET("/api/v1/seats")).then((r) => r.seats),
  addSeat: (body: Seat) => bodyOf(POST("/api/v1/seats", { body })),
  changeSeat: (id: string, body: Partial<Omit<Seat, "id">>) =>
    bodyOf(PATCH("/api/v1/seats/{id}", { ...seat(id), body })),
  removeSeat: (id: string) => bodyOf(DELETE("/api/v1/seats/{id}", seat(id))),
  renewToken: (id: string) => bodyOf(POST("/api/v1/seats/{id}/token", seat(id))),
  seatTicket: (id: string) => bodyOf(POST("/api/v1/seats/{id}/ticket", seat(id))),
  setAgent: (id: string, body: Agent) => bodyOf(PUT("/api/v1/seats/{id}/agent", { ...seat(id), body })),

  users: () => bodyOf(GET("/api/v1/users")).then((r) => r.users),
  addUser: (body: { id: string; name: string; role: Role; password: string }) =>
    bodyOf(POST("/api/v1/users", { body })),
  changeUser: (id: string, body: { name?: string; role?: Role; disabled?: boolean; password?: string }) =>
    bodyOf(PATCH("/api/v1/users/{id}", { ...user(id), body })),
  removeUser: (id: string) => bodyOf(DELETE("/api/v1/users/{id}", user(id))),

  calls: (query: CallQuery, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/calls", { params: { query }, signal })),
  /** How many calls a query finds, 1001 for more than 1,000. */
  countCalls: async (query: CallQuery, signal?: AbortSignal) =>
    (await api.calls({ ...query, limit: 1, total: true }, signal)).total ?? null,
  call: (id: string, signal?: AbortSignal) => bodyOf(GET("/api/v1/calls/{id}", { ...call(id), signal })),
  changeCall: (id: string, body: CallPatch) => bodyOf(PATCH("/api/v1/calls/{id}", { ...call(id), body })),
  levels: (id: string, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/calls/{id}/levels", { ...call(id), signal })),
  marks: (id: string) => bodyOf(GET("/api/v1/calls/{id}/marks", call(id))).then((r) => r.marks),
  addMark: (id: string, body: NewMark) => bodyOf(POST("/api/v1/calls/{id}/marks", { ...call(id), body })),
  changeMark: (id: string, mark: string, body: MarkChange) =>
    bodyOf(PATCH("/api/v1/calls/{id}/marks/{mark}", { params: { path: { id, mark } }, body })),
  removeMark: (id: string, mark: string) =>
    bodyOf(DELETE("/api/v1/calls/{id}/marks/{mark}", { params: { path: { id, mark } } })),
  callAudit: (id: string) => bodyOf(GET("/api/v1/calls/{id}/audit", call(id))).then((r) => r.audit),
  startCall: (id: string, body: CallPatch) => bodyOf(POST("/api/v1/seats/{id}/calls", { ...seat(id), body })),
  endCall: (id: string) => bodyOf(POST("/api/v1/calls/{id}/end", call(id))),
  pauseCall: (id: string, reason: string) =>
    bodyOf(POST("/api/v1/calls/{id}/pause", { ...call(id), body: { reason } })),
  resumeCall: (id: string) => bodyOf(POST("/api/v1/calls/{id}/resume", call(id))),

  audit: (query: AuditQuery, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/audit", { params: { query }, signal })),

  ...evidenceApi,
};

const at = encodeURIComponent;

/** Where a part's stored bytes are. */
export const partAudioUrl = (id: string, n: number) => `/api/v1/calls/${at(id)}/parts/${n}/audio`;
/** The same, as a file to keep; needs Download. */
export const partDownloadUrl = (id: string, n: number) => `${partAudioUrl(id, n)}?download=1`;
/** A part as what every browser plays, for those whose stored bytes it does not. */
export const playableUrl = (id: string, n: number) => `/api/v1/calls/${at(id)}/parts/${n}/playable`;
/**
 * A clip as a file to keep: a span of the call's timeline out of one part, or out
 * of the only one in it. The reason goes into the audit.
 */
export function clipUrl(id: string, fromMs: number, toMs: number, part?: number, reason = ""): string {
  const query = new URLSearchParams({
    ...{ fromMs: String(Math.round(fromMs)), toMs: String(Math.round(toMs)), download: "1" },
    ...(reason ? { reason } : {}),
  });
  return `${part === undefined ? `/api/v1/calls/${at(id)}/audio` : partAudioUrl(id, part)}?${query}`;
}
