import { expect, test } from "vitest";
import { filesBelow, filesOf, isLeftBehind } from "./gather";

const file = (name: string, path = "") =>
  Object.defineProperty(new File(["x"], name), "webkitRelativePath", { value: path });

test("what systems leave behind is nobody's recording", () => {
  const left = [
    ".DS_Store",
    "a/Thumbs.db",
    "__MACOSX/a.mp3",
    "a/.hidden/b.mp3",
    "$RECYCLE.BIN/x",
    "a/DESKTOP.INI",
  ];
  for (const path of left) expect(isLeftBehind(path), path).toBe(true);
  for (const path of ["a.mp3", "a/thumbs.db.mp3", "旧录音/1.wav", "a.b/c"])
    expect(isLeftBehind(path), path).toBe(false);
});

test("a chosen folder's files keep their folders, chosen files their names", () => {
  const list = [file("a.mp3", "旧录音/20160304/a.mp3"), file("b.wav"), file("Thumbs.db", "旧录音/Thumbs.db")];
  expect(filesOf(list as unknown as FileList).map((p) => p.path)).toEqual(["旧录音/20160304/a.mp3", "b.wav"]);
  expect(filesOf(null)).toEqual([]);
});

/** A folder as browsers give it: so many entries at a time, then none. */
function folder(path: string, content: unknown[], atOnce = 100): unknown {
  const createReader = () => {
    let at = 0;
    return {
      readEntries: (done: (some: unknown[]) => void) => {
        const some = content.slice(at, at + atOnce);
        at += some.length;
        done(some);
      },
    };
  };
  return { isFile: false, fullPath: path, createReader };
}
const entry = (path: string) => ({
  ...{ isFile: true, fullPath: path },
  file: (done: (f: File) => void) => done(file(path.split("/").at(-1) ?? "")),
});

test("a dropped folder is read to its end, however many pieces it comes in", async () => {
  const many = Array.from({ length: 250 }, (_, i) => entry(`/old/day/${i}.mp3`));
  const dropped = [
    folder("/old", [
      folder("/old/day", many),
      folder("/old/.git", [entry("/old/.git/x")]),
      entry("/old/a.wav"),
    ]),
    entry("/b.wav"),
  ];
  const seen: number[] = [];
  const { picked, unreadable } = await filesBelow(dropped as FileSystemEntry[], (n) => seen.push(n));
  expect(unreadable).toEqual([]);
  expect(picked).toHaveLength(252);
  expect(seen.at(-1)).toBe(252);
  expect(picked.map((p) => p.path)).toEqual(
    expect.arrayContaining(["old/day/249.mp3", "old/a.wav", "b.wav"]),
  );
});

test("what cannot be read is told by its path, and stops nothing else", async () => {
  const fails = (_: unknown, failed: (e: Error) => void) => failed(new Error("gone"));
  const badFolder = {
    ...{ isFile: false, fullPath: "/old/locked" },
    createReader: () => ({ readEntries: fails }),
  };
  const badFile = { isFile: true, fullPath: "/old/\ufffd\ufffd.mp3", file: fails };
  const dropped = [folder("/old", [badFile, badFolder, entry("/old/a.mp3"), entry("/old/b.mp3")])];
  const { picked, unreadable } = await filesBelow(dropped as FileSystemEntry[]);
  expect(picked.map((p) => p.path)).toEqual(["old/a.mp3", "old/b.mp3"]);
  expect(unreadable).toEqual(["old/\ufffd\ufffd.mp3", "old/locked/"]);
});
