import { afterEach, expect, test, vi } from "vitest";
import { api, onSignedOut, Problem } from ".";
import { queryString } from "./http";

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const fetch = vi.fn(async (_request: Request) => {
    const type = status >= 400 ? "application/problem+json" : "application/json";
    const text = body === undefined ? null : JSON.stringify(body);
    return new Response(text, { status, headers: { "Content-Type": type, ...headers } });
  });
  vi.stubGlobal("fetch", fetch);
  return fetch;
};

test("a list in a query repeats its parameter, empty values are left out", () => {
  expect(queryString({ seat: ["a", "b"], q: "", cursor: undefined, limit: 50 })).toBe(
    "seat=a&seat=b&limit=50",
  );
  expect(queryString({})).toBe("");
});

test("a request goes where the description says, with its path and query written", async () => {
  const fetch = answer(200, { calls: [], next: "n" });
  expect(await api.calls({ seat: ["w 1", "w2"], q: "" })).toEqual({ calls: [], next: "n" });
  const url = new URL(fetch.mock.calls[0]?.[0].url ?? "");
  expect(url.pathname + url.search).toBe("/api/v1/calls?seat=w%201&seat=w2");
});

test("a refusal becomes a Problem with its code", async () => {
  answer(409, { code: "seat_in_use", detail: "busy" });
  const err = await api.removeSeat("x").catch((e: unknown) => e);
  expect(err).toBeInstanceOf(Problem);
  expect(err).toMatchObject({ status: 409, code: "seat_in_use", detail: "busy" });
});

test("a limit says when to try again", async () => {
  answer(429, { code: "too_many_attempts" }, { "Retry-After": "17" });
  await expect(api.login("a", "b")).rejects.toMatchObject({ retryAfterSeconds: 17 });
});

test("a page of a proxy in between is a Problem by its status", async () => {
  vi.stubGlobal(
    "fetch",
    async () => new Response("<html>", { status: 502, headers: { "Content-Type": "text/html" } }),
  );
  await expect(api.me()).rejects.toMatchObject({ status: 502, code: "http_502" });
});

test("a server that cannot be reached is a Problem too, an abort stays an abort", async () => {
  vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new TypeError("failed to fetch")));
  await expect(api.me()).rejects.toMatchObject({ status: 0, code: "unreachable" });
  vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new DOMException("gone", "AbortError")));
  await expect(api.me()).rejects.toMatchObject({ name: "AbortError" });
});

test("a lost session is told, wrong credentials are not a lost session", async () => {
  const told = vi.fn();
  const stop = onSignedOut(told);
  answer(401, { code: "bad_credentials" });
  await api.login("a", "b").catch(() => undefined);
  expect(told).not.toHaveBeenCalled();
  answer(401, { code: "sign_in" });
  await api.me().catch(() => undefined);
  expect(told).toHaveBeenCalledOnce();
  stop();
});

test("no content is no value", async () => {
  answer(204, undefined);
  expect(await api.logout()).toBeUndefined();
});
