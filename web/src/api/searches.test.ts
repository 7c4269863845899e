import { afterEach, expect, test, vi } from "vitest";
import { Problem } from ".";
import { exportCalls } from "./searches";

afterEach(() => vi.unstubAllGlobals());

const wanted = { format: "csv" as const, columns: ["id"], lang: "zh" as const };

/** Answers an export whose body says these pieces and then ends, or fails with an error. */
function answer(pieces: string[], end?: Error): void {
  const body = new ReadableStream({
    pull(way) {
      const piece = pieces.shift();
      if (piece !== undefined) way.enqueue(new TextEncoder().encode(piece));
      else if (end) way.error(end);
      else way.close();
    },
  });
  const headers = {
    "Content-Type": "text/csv",
    "Content-Disposition": "attachment; filename=calls-20261121.csv",
  };
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(body, { headers })),
  );
}

const exported = (signal = new AbortController().signal, told: (rows: number) => void = () => {}) =>
  exportCalls({ seat: ["a", "b"] }, wanted, signal, told);

test("an export counts its rows as they come", async () => {
  answer(["\ufeffid\r\n1\r\n", "2\r\n3\r\n"]);
  const told: number[] = [];
  const got = await exported(undefined, (rows) => told.push(rows));
  expect(told).toEqual([1, 3]);
  expect(got).toMatchObject({ name: "calls-20261121.csv", rows: 3, more: false });
  expect(got.file.size).toBe(3 + 4 + 3 * 3);
  expect(vi.mocked(fetch).mock.calls[0]?.[0]).toBe(
    "/api/v1/calls/export?seat=a&seat=b&format=csv&lang=zh&columns=id",
  );
});

test("an export that breaks off in the middle is said to be so, and is no file", async () => {
  answer(["\ufeffid\r\n1\r\n"], new TypeError("network error"));
  await expect(exported()).rejects.toThrow(new Problem(0, "broken_off", ""));
});

test("an export that somebody gave up is no problem", async () => {
  answer(["\ufeffid\r\n"], new DOMException("gone", "AbortError"));
  await expect(exported()).rejects.toHaveProperty("name", "AbortError");
});
