import type {
  DuePage,
  Hold,
  HoldList,
  HoldQuery,
  Integrity,
  IntegrityProblem,
  Ledger,
  NewHold,
  NewPackage,
  Package,
  PackageList,
  PartProof,
  Policy,
  RetentionRun,
} from "./evidenceTypes";
import { bodyOf, client } from "./http";

export type * from "./evidenceTypes";

// The routes of keeping and proving, until the server describes them itself.

interface Options {
  params?: { path?: Record<string, string>; query?: Record<string, unknown> };
  body?: unknown;
  signal?: AbortSignal;
}
type Ask = (
  path: string,
  options?: Options,
) => Promise<{ data?: unknown; error?: unknown; response: Response }>;
const { GET, POST, PATCH, DELETE } = client as unknown as Record<"GET" | "POST" | "PATCH" | "DELETE", Ask>;
const body = <T>(pending: ReturnType<Ask>) =>
  bodyOf(pending as Promise<{ data?: T; error?: unknown; response: Response }>);
const one = (id: string) => ({ params: { path: { id } } });

export const evidenceApi = {
  holds: (query: HoldQuery, signal?: AbortSignal) =>
    body<HoldList>(GET("/api/v1/holds", { params: { query: { ...query } }, signal })),
  addHold: (hold: NewHold) => body<Hold>(POST("/api/v1/holds", { body: hold })),
  releaseHold: (id: string, reason: string) =>
    body<Hold>(POST("/api/v1/holds/{id}/release", { ...one(id), body: { reason } })),

  policies: (signal?: AbortSignal) =>
    body<{ policies: Policy[] }>(GET("/api/v1/policies", { signal })).then((r) => r.policies),
  addPolicy: (policy: Policy) => body<Policy>(POST("/api/v1/policies", { body: policy })),
  changePolicy: (id: string, policy: Omit<Policy, "id">) =>
    body<Policy>(PATCH("/api/v1/policies/{id}", { ...one(id), body: policy })),
  removePolicy: (id: string) => body<void>(DELETE("/api/v1/policies/{id}", one(id))),
  due: (query: { at?: string; cursor?: string; limit?: number }, signal?: AbortSignal) =>
    body<DuePage>(GET("/api/v1/retention/preview", { params: { query }, signal })),
  /** What would go if the policies were these. */
  dueUnder: (policies: Policy[], query: { at?: string; limit?: number } = {}) =>
    body<DuePage>(POST("/api/v1/retention/preview", { params: { query }, body: { policies } })),
  runs: (signal?: AbortSignal) =>
    body<{ runs: RetentionRun[] }>(GET("/api/v1/retention/runs", { signal })).then((r) => r.runs),

  packages: (query: { cursor?: string; limit?: number }, signal?: AbortSignal) =>
    body<PackageList>(GET("/api/v1/packages", { params: { query }, signal })),
  package: (id: string, signal?: AbortSignal) =>
    body<Package>(GET("/api/v1/packages/{id}", { ...one(id), signal })),
  addPackage: (wanted: NewPackage) => body<Package>(POST("/api/v1/packages", { body: wanted })),
  removePackage: (id: string) => body<void>(DELETE("/api/v1/packages/{id}", one(id))),

  ledger: (signal?: AbortSignal) => body<Ledger>(GET("/api/v1/ledger", { signal })),
  proofs: (id: string, signal?: AbortSignal) =>
    body<{ parts: PartProof[] }>(GET("/api/v1/calls/{id}/proofs", { ...one(id), signal })).then(
      (r) => r.parts,
    ),
  integrity: (signal?: AbortSignal) => body<Integrity>(GET("/api/v1/integrity", { signal })),
  scrub: () => body<void>(POST("/api/v1/integrity/scrub")),
  resolveProblem: (id: string, reason: string) =>
    body<IntegrityProblem>(POST("/api/v1/integrity/problems/{id}/resolve", { ...one(id), body: { reason } })),
};

/** A package as a file to keep, and its cover sheet for signing. */
export const packageFileUrl = (id: string) => `/api/v1/packages/${encodeURIComponent(id)}/file`;
export const packageCoverUrl = (id: string) => `/api/v1/packages/${encodeURIComponent(id)}/cover.pdf`;
/** The ledger's newest signed head, and the key that checks it. */
export const ledgerHeadUrl = "/api/v1/ledger/head";
export const ledgerKeyUrl = "/api/v1/ledger/key";
