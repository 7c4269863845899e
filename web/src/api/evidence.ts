import { bodyOf, client } from "./http";
import type { HoldQuery, NewHold, NewPackage, Policy } from "./types";

// Keeping and proving: holds, retention, the ledger, and what leaves the house.

const { GET, POST, PATCH, DELETE } = client;
const one = (id: string) => ({ params: { path: { id } } });

export const evidenceApi = {
  holds: (query: HoldQuery, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/holds", { params: { query }, signal })),
  addHold: (hold: NewHold) => bodyOf(POST("/api/v1/holds", { body: hold })),
  releaseHold: (id: string, reason: string) =>
    bodyOf(POST("/api/v1/holds/{id}/release", { ...one(id), body: { reason } })),

  policies: (signal?: AbortSignal): Promise<Policy[]> =>
    bodyOf(GET("/api/v1/policies", { signal })).then((r) => r.policies),
  addPolicy: (policy: Policy) => bodyOf(POST("/api/v1/policies", { body: policy })),
  changePolicy: (id: string, policy: Omit<Policy, "id">) =>
    bodyOf(PATCH("/api/v1/policies/{id}", { ...one(id), body: policy })),
  removePolicy: (id: string) => bodyOf(DELETE("/api/v1/policies/{id}", one(id))),
  due: (query: { at?: string; cursor?: string; limit?: number }, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/retention/preview", { params: { query }, signal })),
  /** What would go if the policies were these. */
  dueUnder: (policies: Policy[], query: { at?: string; limit?: number } = {}) =>
    bodyOf(POST("/api/v1/retention/preview", { params: { query }, body: { policies } })),
  runs: (signal?: AbortSignal) => bodyOf(GET("/api/v1/retention/runs", { signal })).then((r) => r.runs),

  packages: (query: { cursor?: string; limit?: number }, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/packages", { params: { query }, signal })),
  package: (id: string, signal?: AbortSignal) => bodyOf(GET("/api/v1/packages/{id}", { ...one(id), signal })),
  addPackage: (wanted: NewPackage) => bodyOf(POST("/api/v1/packages", { body: wanted })),
  removePackage: (id: string) => bodyOf(DELETE("/api/v1/packages/{id}", one(id))),

  ledger: (signal?: AbortSignal) => bodyOf(GET("/api/v1/ledger", { signal })),
  proofs: (id: string, signal?: AbortSignal) =>
    bodyOf(GET("/api/v1/calls/{id}/proofs", { ...one(id), signal })).then((r) => r.parts),
  integrity: (signal?: AbortSignal) => bodyOf(GET("/api/v1/integrity", { signal })),
  scrub: () => bodyOf(POST("/api/v1/integrity/scrub")),
  resolveProblem: (id: string, reason: string) =>
    bodyOf(POST("/api/v1/integrity/problems/{id}/resolve", { ...one(id), body: { reason } })),
};

/** A package as a file to keep, and its cover sheet for signing. */
export const packageFileUrl = (id: string) => `/api/v1/packages/${encodeURIComponent(id)}/file`;
export const packageCoverUrl = (id: string) => `/api/v1/packages/${encodeURIComponent(id)}/cover.pdf`;
/** The ledger's newest signed head, and the key that checks it. */
export const ledgerHeadUrl = "/api/v1/ledger/head";
export const ledgerKeyUrl = "/api/v1/ledger/key";
