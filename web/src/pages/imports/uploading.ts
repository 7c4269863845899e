import { reactive } from "vue";
import { api, Problem } from "@/api";
import { importsApi, type Uploaded, type UploadList } from "@/api/imports";
import type { Picked } from "./gather";
import { Pace } from "./pace";
import { type Plan, planOf } from "./plan";
import { discardPartial, discardUpload, type Refusal, type Sending, sendFile } from "./sending";

// The uploads of one import. They go on while one is elsewhere in the dashboard.

export type UploadStatus =
  | "idle"
  | "running"
  | "paused"
  | "offline"
  | "busy"
  | "signedOut"
  | "noRoom"
  | "begun"
  | "gone";

export interface FailedFile {
  picked: Picked;
  code: string;
  /** The upload that stands in its way and may be taken away for it. */
  instead?: string;
}

/** What a page shows of uploads. */
export interface UploadView {
  status: UploadStatus;
  /** Of what was dropped since the page was opened. */
  files: number;
  bytes: number;
  doneFiles: number;
  doneBytes: number;
  /** Bytes a second, over the last seconds. */
  speed: number;
  knownFiles: number;
  failed: FailedFile[];
  other: Picked[];
  /** Paths of what was dropped and the browser cannot read. */
  unreadable: string[];
  /** What is on the server: complete, and in part. */
  there: { files: number; bytes: number; partial: number };
  /** More has come to the server than was sent from here: another window uploads, too. */
  elsewhere: boolean;
}

interface Item {
  picked: Picked;
  upload?: string;
  sent: number;
  tries: number;
}

const atOnce = 3;
const mostTries = 4;
const tickMs = 250;
const firstWaitMs = 1000;
const longestWaitMs = 15_000;
/** So long after something came from elsewhere more is expected: a piece may be long on its way. */
const elsewhereMs = 20_000;

export class ImportUploads {
  readonly view: UploadView = reactive({
    status: "idle",
    ...{ files: 0, bytes: 0, doneFiles: 0, doneBytes: 0, speed: 0, knownFiles: 0 },
    failed: [],
    other: [],
    unreadable: [],
    there: { files: 0, bytes: 0, partial: 0 },
    elsewhere: false,
  });
  #known = new Map<string, Uploaded>();
  #queue: Item[] = [];
  #active = new Map<Item, Sending>();
  #sentFiles: Picked[] = []; // that are complete
  #done = 0; // their bytes
  #arrivedAt = 0; // when more had last come from elsewhere
  #missing = 0; // bytes that were missing of what is on the server in part, as last read
  #wait = firstWaitMs;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #pace = new Pace(5000, 500);

  constructor(readonly id: string) {}

  /** Whether something is on its way, or waits to be. */
  get busy(): boolean {
    return this.#queue.length + this.#active.size > 0;
  }

  /** The paths on the server, as last read. */
  get known(): ReadonlyMap<string, Uploaded> {
    return this.#known;
  }

  /** Reads what is on the server. */
  async look(signal?: AbortSignal): Promise<void> {
    const known = new Map<string, Uploaded>();
    for (let after = ""; ; ) {
      const page = await importsApi.uploads(this.id, { after: after || undefined, limit: 5000 }, signal);
      for (const u of page.uploads) known.set(u.path, u);
      this.view.there = { files: page.files, bytes: page.bytes, partial: page.partial };
      this.#missing = page.missing;
      after = page.next;
      if (!after) break;
    }
    this.#known = known;
  }

  /** Sees, while nothing is sent from here, whether more has come from elsewhere. */
  async glance(signal?: AbortSignal): Promise<void> {
    if (this.view.status !== "idle") return;
    let page: UploadList;
    try {
      page = await importsApi.uploads(this.id, { limit: 1 }, signal);
    } catch (err) {
      if (err instanceof Problem && err.code === "no_import") this.view.status = "gone"; // deleted in another window
      throw err;
    }
    if (this.view.status !== "idle") return;
    const was = this.view.there;
    const arrived = page.files > was.files || page.missing < this.#missing;
    this.#missing = page.missing;
    const changed = page.files !== was.files || page.bytes !== was.bytes || page.partial !== was.partial;
    if (changed) await this.look(signal);
    if (arrived) this.#arrivedAt = Date.now();
    this.view.elsewhere = Date.now() - this.#arrivedAt < elsewhereMs;
  }

  /** Takes note of what could not be read of a drop. */
  cannotRead(paths: string[]): void {
    this.view.unreadable = [...new Set([...this.view.unreadable, ...paths])];
  }

  /** Adds files; those on the server are passed over. Answers what was made of them. */
  async add(picked: Picked[], all = false): Promise<Plan> {
    await this.look();
    const queued = new Set([...this.#queue, ...this.#active.keys()].map((i) => i.picked.path));
    const plan = planOf(
      picked.filter((p) => !queued.has(p.path)),
      this.#known,
      all,
    );
    const view = this.view;
    view.failed = view.failed.filter((f) => !picked.some((p) => p.path === f.picked.path));
    view.unreadable = view.unreadable.filter((path) => !picked.some((p) => p.path === path));
    for (const { picked: p, upload, offset } of plan.send)
      this.#enter({ picked: p, upload, sent: offset, tries: 0 });
    view.failed.push(...plan.taken.map((t) => ({ picked: t.picked, code: "path_taken", instead: t.upload })));
    view.knownFiles += plan.there.length;
    if (all) view.other = [];
    else view.other.push(...plan.other);
    if (plan.send.length > 0 && view.status !== "paused") this.resume();
    return plan;
  }

  #enter(item: Item): void {
    this.#queue.push(item);
    this.view.files++;
    this.view.bytes += item.picked.file.size;
  }

  pause(): void {
    this.#halt("paused");
  }

  /** Goes on, from wherever each file is. */
  resume(): void {
    clearTimeout(this.#timer);
    if (!this.busy) return;
    this.view.status = "running";
    this.view.elsewhere = false;
    this.#ticker ??= setInterval(() => this.#tick(), tickMs);
    while (this.#active.size < atOnce && this.#queue.length > 0) this.#send(this.#queue.shift() as Item);
  }

  /** Tries failed files again. */
  retry(failed: FailedFile[]): void {
    for (const f of failed) this.#enter({ picked: f.picked, upload: undefined, sent: 0, tries: 0 });
    this.view.failed = this.view.failed.filter((f) => !failed.includes(f));
    this.resume();
  }

  /** Puts a file in the place of the one on the server. */
  async replace(failed: FailedFile): Promise<void> {
    if (failed.instead) await discardUpload(this.id, failed.instead);
    this.retry([failed]);
  }

  /** Takes away what is on the server in part and is not on its way. */
  async dropPartial(): Promise<void> {
    await this.look();
    const busy = new Set([...this.#queue, ...this.#active.keys()].map((i) => i.picked.path));
    for (const u of this.#known.values())
      if (u.offset < u.bytes && !busy.has(u.path)) await discardPartial(this.id, u);
    await this.look();
  }

  /** Stops all and forgets what waits: the import is gone or has begun. */
  close(): void {
    this.#halt("idle");
    this.#queue = [];
  }

  #halt(status: UploadStatus): void {
    clearTimeout(this.#timer);
    for (const [item, sending] of this.#active) {
      sending.stop();
      item.upload = sending.upload ?? item.upload;
      this.#queue.unshift(item);
    }
    this.#active.clear();
    this.view.status = status;
    this.#stopTicking();
  }

  #stopTicking(): void {
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#tick();
    this.#pace.forget();
    this.view.speed = 0;
  }

  #tick(): void {
    let bytes = this.#done;
    for (const item of this.#queue) bytes += item.sent;
    for (const item of this.#active.keys()) bytes += item.sent;
    this.view.doneBytes = bytes;
    this.view.speed = this.#pace.at(performance.now(), bytes);
  }

  #send(item: Item): void {
    const sending = sendFile(this.id, item.picked, item.upload, {
      progress: (sent) => {
        item.sent = sent;
        this.#wait = firstWaitMs;
      },
      done: () => this.#sent(item),
      refused: (why) => this.#refused(item, why),
    });
    this.#active.set(item, sending);
  }

  #sent(item: Item): void {
    if (!this.#active.delete(item)) return;
    this.#sentFiles.push(item.picked);
    this.#done += item.picked.file.size;
    this.view.doneFiles++;
    this.view.there.files++;
    this.view.there.bytes += item.picked.file.size;
    this.#next();
  }

  #next(): void {
    if (this.busy) {
      this.resume();
      return;
    }
    this.view.status = "idle";
    this.#stopTicking();
    // It is only looked at: the next look will do.
    void this.look().then(
      () => this.#missMissing(),
      () => undefined,
    );
  }

  /** What was sent and is on the server no more, after its disk was changed, say, is to be sent again. */
  #missMissing(): void {
    if (this.busy) return;
    const whole = (p: Picked) => {
      const on = this.#known.get(p.path);
      return on !== undefined && on.offset === on.bytes;
    };
    const missing = this.#sentFiles.filter((p) => !whole(p));
    if (missing.length === 0) return;
    this.#sentFiles = this.#sentFiles.filter(whole);
    for (const picked of missing) {
      this.#done -= picked.file.size;
      this.view.doneFiles--;
      this.#giveUp(picked, "upload_lost");
    }
    this.#tick();
  }

  /** Counts a file among those that were not uploaded. */
  #giveUp(picked: Picked, code: string): void {
    this.view.failed.push({ picked, code });
    this.view.files--;
    this.view.bytes -= picked.file.size;
  }

  #refused(item: Item, why: Refusal): void {
    const sending = this.#active.get(item);
    if (!sending) return;
    this.#active.delete(item);
    item.upload = why.gone ? undefined : (sending.upload ?? item.upload);
    if (why.gone) item.sent = 0;
    const now = why.again === "now" && ++item.tries < mostTries;
    const later = why.again !== "now" && why.again !== "no";
    if (now || later) {
      this.#queue.unshift(item);
      if (now) this.resume();
      else this.#waitFor(why);
      return;
    }
    this.#giveUp(item.picked, why.code);
    this.#next();
  }

  #waitFor(why: Refusal): void {
    switch (why.again) {
      case "signedIn":
        this.#halt("signedOut");
        void api.me().catch(() => undefined); // which shows the sign-in page
        return;
      case "room":
        this.#halt("noRoom");
        return;
      case "never":
        this.close();
        this.view.status = why.code === "no_import" ? "gone" : "begun";
        return;
    }
    this.#halt(why.code === "unreachable" ? "offline" : "busy");
    this.#timer = setTimeout(() => this.resume(), this.#wait);
    this.#wait = Math.min(longestWaitMs, this.#wait * 2);
  }
}

const all = new Map<string, ImportUploads>();

/** The uploads of an import, the same ones wherever one comes back from. */
export function uploadsOf(id: string): ImportUploads {
  let one = all.get(id);
  if (!one) {
    one = new ImportUploads(id);
    all.set(id, one);
  }
  return one;
}

/** Ends the uploads of an import that is gone. */
export function forgetUploads(id: string): void {
  all.get(id)?.close();
  all.delete(id);
}
