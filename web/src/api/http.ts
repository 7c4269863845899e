import type { ProblemBody } from "./types";

/** A refusal by the server, or (status 0) that it could not be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterSeconds = 0,
  ) {
    super(detail || code);
    this.name = "Problem";
  }
}

const signedOut = new Set<() => void>();

/** Calls fn whenever the server says that nobody is signed in any more. */
export function onSignedOut(fn: () => void): () => void {
  signedOut.add(fn);
  return () => signedOut.delete(fn);
}

/** Turns a refusing response into a Problem. */
export async function problemOf(response: Response): Promise<Problem> {
  let body: ProblemBody = {};
  try {
    body = (await response.json()) as ProblemBody;
  } catch {
    // A proxy's page is no problem document; the status has to do.
  }
  const code = body.code ?? `http_${response.status}`;
  const retry = Number(response.headers.get("Retry-After") ?? 0);
  if (response.status === 401 && code !== "bad_credentials") for (const fn of signedOut) fn();
  return new Problem(response.status, code, body.detail ?? body.title ?? "", retry || 0);
}

export interface RequestOptions {
  query?: Record<string, QueryValue>;
  body?: unknown;
  signal?: AbortSignal;
}
export type QueryValue = string | number | boolean | readonly (string | number)[] | undefined;

/** Writes a query; a list repeats its parameter, empty values are left out. */
export function queryString(query: Record<string, QueryValue> = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const v of Array.isArray(value) ? value : [value]) {
      if (v !== undefined && v !== "") params.append(key, String(v));
    }
  }
  const text = params.toString();
  return text ? `?${text}` : "";
}

/** One request to /api/v1; answers the JSON body, undefined for 204. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", signal: options.signal ?? null };
  if (options.body !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}${queryString(options.query)}`, init);
  } catch (err) {
    if (options.signal?.aborted) throw err;
    throw new Problem(0, "unreachable", "");
  }
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}
