import { expect, test } from "vitest";
import { refusalOf, refusedBy } from "./sending";

test("what the server's refusal means for a file, and for all others", () => {
  for (const [status, code, again] of [
    [409, "import_begun", "never"],
    [404, "no_import", "never"],
    [401, "", "signedIn"],
    [507, "no_room", "room"],
    [409, "path_taken", "no"],
    [409, "", "now"],
    [429, "", "later"],
    [502, "", "later"],
    [413, "too_large", "no"],
  ] as const)
    expect(refusedBy(status, code).again, `${status} ${code}`).toBe(again);
  expect(refusedBy(410, "")).toMatchObject({ again: "now", gone: true });
});

test("a cut network is waited for, a disk that was pulled out is not", async () => {
  expect(await refusalOf(new Error("failed"), new File(["x"], "a"))).toEqual({
    code: "unreachable",
    again: "later",
  });
  const gone = { slice: () => ({ arrayBuffer: () => Promise.reject(new Error("NotReadable")) }) };
  expect(await refusalOf(new Error("failed"), gone as unknown as Blob)).toEqual({
    code: "file_gone",
    again: "no",
  });
});
