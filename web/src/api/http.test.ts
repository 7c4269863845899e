import { afterEach, expect, test, vi } from "vitest";
import { onSignedOut, Problem, queryString, request } from "./http";

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(body === undefined ? null : JSON.stringify(body), { status, headers })),
  );

test("a list in a query repeats its parameter, empty values are left out", () => {
  expect(queryString({ seat: ["a", "b"], q: "", cursor: undefined, limit: 50 })).toBe(
    "?seat=a&seat=b&limit=50",
  );
  expect(queryString()).toBe("");
});

test("a refusal becomes a Problem with its code", async () => {
  answer(409, { code: "seat_in_use", detail: "busy" });
  const err = await request("DELETE", "/seats/x").catch((e: unknown) => e);
  expect(err).toBeInstanceOf(Problem);
  expect(err).toMatchObject({ status: 409, code: "seat_in_use", detail: "busy" });
});

test("a limit says when to try again", async () => {
  answer(429, { code: "too_many_attempts" }, { "Retry-After": "17" });
  await expect(request("POST", "/login")).rejects.toMatchObject({ retryAfterSeconds: 17 });
});

test("a server that cannot be reached is a Problem too", async () => {
  vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new TypeError("failed to fetch")));
  await expect(request("GET", "/me")).rejects.toMatchObject({ status: 0, code: "unreachable" });
});

test("a lost session is told, wrong credentials are not a lost session", async () => {
  const told = vi.fn();
  const stop = onSignedOut(told);
  answer(401, { code: "bad_credentials" });
  await request("POST", "/login").catch(() => undefined);
  expect(told).not.toHaveBeenCalled();
  answer(401, { code: "sign_in" });
  await request("GET", "/me").catch(() => undefined);
  expect(told).toHaveBeenCalledOnce();
  stop();
});

test("no content is no value", async () => {
  answer(204, undefined);
  expect(await request("POST", "/logout")).toBeUndefined();
});
