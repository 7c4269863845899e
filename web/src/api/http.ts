import createClient, { createQuerySerializer } from "openapi-fetch";
import type { paths } from "./schema.gen";
import type { ProblemBody } from "./types";

/** A refusal by the server, or (status 0) that it could not be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterSeconds = 0,
    /** All that the server said. */
    readonly body: Partial<ProblemBody> = {},
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

/** Makes a Problem of a refusing response and of what its body said. */
function refusal(response: Response, body: Partial<ProblemBody>): Problem {
  const code = body.code ?? `http_${response.status}`;
  const retry = Number(response.headers.get("Retry-After") ?? 0);
  if (response.status === 401 && code !== "bad_credentials") for (const fn of signedOut) fn();
  return new Problem(response.status, code, body.detail ?? body.title ?? "", retry || 0, body);
}

/** Turns a refusing response into a Problem. */
export async function problemOf(response: Response): Promise<Problem> {
  let body: Partial<ProblemBody> = {};
  try {
    body = (await response.json()) as Partial<ProblemBody>;
  } catch {
    // A proxy's page is no problem document; the status has to do.
  }
  return refusal(response, body);
}

const serialize = createQuerySerializer({ array: { style: "form", explode: true } });

/** Writes a query; a list repeats its parameter, empty values are left out. */
export function queryString(query: Record<string, unknown>): string {
  return serialize(Object.fromEntries(Object.entries(query).filter(([, v]) => v !== "" && v !== undefined)));
}

/** Typed requests to the server this page came from, by its description. */
export const client = createClient<paths>({
  baseUrl: typeof window === "undefined" ? "" : window.location.origin,
  credentials: "same-origin",
  querySerializer: queryString,
  // Looked up at each request, so that tests can put another in its place.
  fetch: (request) => globalThis.fetch(request),
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer; anything else is thrown as a Problem. */
export async function bodyOf<T>(pending: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await pending;
  } catch (err) {
    if (err instanceof DOMException && err.name === "AbortError") throw err;
    throw new Problem(0, "unreachable", "");
  }
  const { data, error, response } = answer;
  if (!response.ok) throw refusal(response, isObject(error) ? error : {});
  return data as T; // undefined only where the description says that there is no body
}

const isObject = (value: unknown): value is Partial<ProblemBody> =>
  typeof value === "object" && value !== null;
