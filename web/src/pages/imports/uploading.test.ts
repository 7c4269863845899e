import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Refusal } from "./sending";
import { ImportUploads } from "./uploading";

interface Sent {
  path: string;
  upload?: string;
  hears: { progress(n: number): void; done(): void; refused(why: Refusal): void };
  stopped: boolean;
}
interface Known {
  id: string;
  path: string;
  bytes: number;
  offset: number;
  modified: string;
}
const world = vi.hoisted(() => ({ sent: [] as Sent[], known: [] as Known[], discarded: [] as string[] }));

vi.mock("@/api/imports", () => ({
  importsApi: {
    uploads: async () => ({
      uploads: world.known,
      next: "",
      files: world.known.length,
      bytes: 0,
      partial: world.known.filter((u) => u.offset < u.bytes).length,
      missing: world.known.reduce((n, u) => n + u.bytes - u.offset, 0),
    }),
  },
}));
vi.mock("./sending", () => ({
  sendFile(_: string, picked: { path: string }, upload: string | undefined, hears: Sent["hears"]) {
    const one: Sent = { path: picked.path, upload, hears, stopped: false };
    world.sent.push(one);
    return {
      upload: upload ?? `new ${picked.path}`,
      stop: () => {
        one.stopped = true;
      },
    };
  },
  discardPartial: async (_: string, upload: { id: string; offset: number }) =>
    void world.discarded.push(`${upload.id} at ${upload.offset}`),
  discardUpload: async (_: string, upload: string) => void world.discarded.push(upload),
}));

const picked = (path: string) => ({ path, file: new File(["0123456789"], path, { lastModified: 1e12 }) });
const going = () => world.sent.filter((s) => !s.stopped).map((s) => s.path);
const last = () => world.sent.at(-1) as Sent;
let uploads: ImportUploads;

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(world, { sent: [], known: [], discarded: [] });
  uploads = new ImportUploads("i1");
});
afterEach(() => {
  uploads.close();
  vi.useRealTimers();
});

test("three go at a time, and all arrive", async () => {
  await uploads.add(["a.mp3", "b.mp3", "c.mp3", "d.mp3"].map(picked));
  expect(going()).toEqual(["a.mp3", "b.mp3", "c.mp3"]);
  world.sent[0]?.hears.done();
  expect(last().path).toBe("d.mp3");
  for (const s of world.sent.slice(1)) s.hears.done();
  expect(uploads.view).toMatchObject({ status: "idle", doneFiles: 4, doneBytes: 40 });
});

test("the same file twice is sent once, while it is under way and after", async () => {
  await uploads.add([picked("a.mp3")]);
  await uploads.add([picked("a.mp3")]);
  expect(world.sent).toHaveLength(1);
  last().hears.done();
  world.known = [{ id: "u", path: "a.mp3", bytes: 10, offset: 10, modified: new Date(1e12).toISOString() }];
  await uploads.add([picked("a.mp3")]);
  expect(world.sent).toHaveLength(1);
  expect(uploads.view.knownFiles).toBe(1);
});

test("a pause keeps the upload, and going on takes it up", async () => {
  await uploads.add([picked("a.mp3")]);
  uploads.pause();
  expect(uploads.view.status).toBe("paused");
  expect(last().stopped).toBe(true);
  await uploads.add([picked("b.mp3")]);
  expect(going()).toEqual([]);
  uploads.resume();
  expect(world.sent.slice(1).map((s) => [s.path, s.upload])).toEqual([
    ["a.mp3", "new a.mp3"],
    ["b.mp3", undefined],
  ]);
});

test("a cut network stops all, which goes on by itself, later each time", async () => {
  await uploads.add([picked("a.mp3"), picked("b.mp3")]);
  world.sent[0]?.hears.refused({ code: "unreachable", again: "later" });
  expect(uploads.view.status).toBe("offline");
  expect(going()).not.toContain("b.mp3");
  vi.advanceTimersByTime(1000);
  expect(uploads.view.status).toBe("running");
  const before = world.sent.length;
  last().hears.refused({ code: "unreachable", again: "later" });
  vi.advanceTimersByTime(1999);
  expect(world.sent).toHaveLength(before);
  vi.advanceTimersByTime(1);
  expect(world.sent).toHaveLength(before + 2);
});

test("what is refused at once is tried four times, then told, and may be tried again", async () => {
  await uploads.add([picked("a.mp3")]);
  for (let i = 0; i < 4; i++) last().hears.refused({ code: "wrong_offset", again: "now" });
  expect(world.sent).toHaveLength(4);
  expect(uploads.view.failed.map((f) => f.code)).toEqual(["wrong_offset"]);
  expect(uploads.view).toMatchObject({ status: "idle", files: 0, bytes: 0 });
  uploads.retry([...uploads.view.failed]);
  last().hears.done();
  expect(uploads.view).toMatchObject({ failed: [], doneFiles: 1 });
});

test("an upload that is gone begins anew", async () => {
  world.known = [{ id: "u", path: "a.mp3", bytes: 10, offset: 4, modified: new Date(1e12).toISOString() }];
  await uploads.add([picked("a.mp3")]);
  expect(last().upload).toBe("u");
  last().hears.refused({ code: "no_upload", again: "now", gone: true });
  expect(last().upload).toBeUndefined();
});

test("what was sent and is on the server no more is told, and may be sent again", async () => {
  await uploads.add(["a.mp3", "b.mp3"].map(picked));
  world.sent[0]?.hears.done();
  world.known = [{ id: "u", path: "b.mp3", bytes: 10, offset: 10, modified: new Date(1e12).toISOString() }];
  last().hears.done();
  await vi.waitFor(() => expect(uploads.view.failed).toHaveLength(1));
  expect(uploads.view).toMatchObject({ files: 1, doneFiles: 1, doneBytes: 10 });
  uploads.retry([...uploads.view.failed]);
  expect(last().path).toBe("a.mp3");
});

test("an import that was deleted, or begun, in another window ends its uploads", async () => {
  await uploads.add([picked("a.mp3")]);
  last().hears.refused({ code: "no_import", again: "never" });
  expect(uploads.view.status).toBe("gone");
  expect(uploads.busy).toBe(false);
  await uploads.add([picked("a.mp3")]);
  last().hears.refused({ code: "import_begun", again: "never" });
  expect(uploads.view.status).toBe("begun");
});

const known = (path: string, offset: number): Known => ({
  ...{ id: `u ${path}`, path, bytes: 10, offset },
  modified: new Date(1e12).toISOString(),
});

test("what is there in part is taken away where it stands, and nothing that is whole", async () => {
  world.known = [known("a.mp3", 4), known("b.mp3", 10)];
  await uploads.dropPartial();
  expect(world.discarded).toEqual(["u a.mp3 at 4"]);
});

test("what another window uploads is seen, and that it goes on", async () => {
  world.known = [known("a.mp3", 10)];
  await uploads.look();
  await uploads.glance();
  expect(uploads.view).toMatchObject({ elsewhere: false, there: { files: 1 } });
  world.known = [known("a.mp3", 10), known("b.mp3", 4)];
  await uploads.glance();
  expect(uploads.view).toMatchObject({ elsewhere: true, there: { files: 2, partial: 1 } });
  expect(uploads.known.has("b.mp3")).toBe(true);
  vi.advanceTimersByTime(19_000);
  world.known = [known("a.mp3", 10), known("b.mp3", 7)]; // a piece of a large one
  await uploads.glance();
  vi.advanceTimersByTime(19_000);
  await uploads.glance();
  expect(uploads.view.elsewhere).toBe(true);
  vi.advanceTimersByTime(2000);
  await uploads.glance();
  expect(uploads.view.elsewhere).toBe(false);
});

test("another file of that path is told, and replaced only when people say so", async () => {
  world.known = [{ id: "u", path: "a.mp3", bytes: 7, offset: 7, modified: new Date(1e12).toISOString() }];
  await uploads.add([picked("a.mp3")]);
  expect(world.sent).toHaveLength(0);
  const [failed] = uploads.view.failed;
  if (!failed) throw new Error("it was not told");
  await uploads.replace(failed);
  expect(world.discarded).toEqual(["u"]);
  expect(going()).toEqual(["a.mp3"]);
});

test("without room it stops, until people go on", async () => {
  await uploads.add([picked("a.mp3")]);
  last().hears.refused({ code: "no_room", again: "room" });
  vi.advanceTimersByTime(60_000);
  expect(uploads.view.status).toBe("noRoom");
  expect(world.sent).toHaveLength(1);
  uploads.resume();
  expect(world.sent).toHaveLength(2);
});
