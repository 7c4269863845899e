import type {
  Call,
  DuePage,
  Hold,
  Integrity,
  Ledger,
  NewHold,
  NewPackage,
  Package,
  Policy,
  RetentionRun,
} from "../src/api/types.ts";
import { type Handler, page, problem } from "./mock.ts";
import { uuid, type World } from "./world.ts";

// The made-up site's holds, policies, packages, ledger and problems.

const iso = (ms: number) => new Date(ms).toISOString();
const never = null as unknown as string; // the API's "no time"
const dayMs = 86_400_000;
const key = "e73e bc81 ae02 0561 3a2b 588c 491b e323 adb9 57e4 36fd c893 e9d6 f00d 22eb 1fb3";
const hex = "5d41402abc4b2a76b9719d911017c592e3b0c44298fc1c149afbf4c8996fb924";

export class Evidence {
  private readonly holds: Hold[] = [];
  private policies: Policy[] = [];
  private readonly runs: RetentionRun[] = [];
  private readonly packages: Package[] = [];
  private readonly integrity: Integrity;
  private readonly ledger: Ledger;
  private readonly world: World;
  private n = 1000;

  constructor(world: World) {
    this.world = world;
    const now = Date.now();
    const empty = world.calls.length === 0;
    this.ledger = {
      size: empty ? 1 : 48_213,
      root: hex,
      signedAt: iso(now - 41_000),
      fingerprint: key,
      algorithm: "sha256",
      pending: empty ? 0 : 3,
      keys: [
        ...(empty
          ? []
          : [
              {
                fingerprint:
                  "41c0 77d2 90ab 1e5f c3c8 0d4e 5b6a 7f80 1122 aa9c 03de 4b77 65f1 e0c9 d2b4 8a36",
                name: "earshot-2025",
                since: iso(now - 420 * dayMs),
                until: iso(now - 55 * dayMs),
                linked: true,
              },
            ]),
        { fingerprint: key, name: "earshot-2026", since: iso(now - 55 * dayMs), until: never, linked: true },
      ],
      witnesses: empty
        ? []
        : [
            { name: "node-2", kind: "node", at: iso(now - 41_000), size: 48_213, error: "" },
            { name: "s3://evidence/heads", kind: "s3", at: iso(now - 95_000), size: 48_207, error: "" },
            {
              name: "tsa.example",
              kind: "tsa",
              at: iso(now - 3 * 3_600_000),
              size: 47_980,
              error: "dial tcp: i/o timeout",
            },
          ],
    };
    this.integrity = {
      scrub: {
        state: empty ? "idle" : "running",
        at: empty ? never : iso(now - 9 * 3_600_000),
        checked: empty ? 0 : 1204,
        bytes: empty ? 0 : 9_400_000_000,
        total: empty ? 0 : 31_000_000_000,
        share: 1 / 30,
        next: iso(now + 11 * 3_600_000),
      },
      problems: [],
      open: 0,
      damaged: [],
    };
    if (!empty) this.fill(now);
  }

  private fill(now: number): void {
    const { calls, seats } = this.world;
    const hold = (i: number, given: Partial<Hold>): void => {
      const blank: Hold = {
        ...{ id: uuid(now - i * 5_000_000, 7000 + i), call: "", seat: "", from: never, to: never },
        ...{ reason: "", by: "lin", at: iso(now - i * 5_000_000), until: never },
        ...{ releasedAt: never, releasedBy: "", releaseReason: "" },
      };
      this.add({ ...blank, ...given });
    };
    hold(1, { call: calls[2]?.id ?? "", reason: "投诉工单 T-2026-118，客户否认同意过户" });
    hold(2, {
      call: calls[5]?.id ?? "",
      reason: "仲裁委来函（2026）内仲字第 47 号，要求保全",
      until: iso(now + 90 * dayMs),
    });
    hold(3, {
      ...{ seat: seats[0]?.id ?? "", from: iso(now - 2 * dayMs), to: iso(now - 2 * dayMs + 5_400_000) },
      ...{ reason: "窗口纠纷，同一客户三次来访都要保留", by: "admin" },
    });
    hold(4, { seat: seats[2]?.id ?? "", from: iso(now - dayMs / 2), reason: "坐席试用期内全部保留" });
    hold(30, {
      ...{ call: calls[20]?.id ?? "", reason: "投诉工单 T-2026-067" },
      ...{ releasedAt: iso(now - dayMs), releasedBy: "lin", releaseReason: "客户撤诉" },
    });
    hold(60, { call: calls[40]?.id ?? "", reason: "内部复核", until: iso(now - 3 * dayMs) });

    this.policies = [
      {
        id: "east-hot",
        name: "热线一般业务",
        branch: "hotline",
        kind: "hotline",
        business: "",
        keepDays: 180,
        deleteDays: 365,
      },
      { id: "pay", name: "缴费", branch: "", kind: "", business: "缴费", keepDays: 90, deleteDays: 90 },
      {
        id: "transfer",
        name: "过户长期保存",
        branch: "east",
        kind: "counter",
        business: "过户",
        keepDays: 3650,
        deleteDays: 0,
      },
    ];
    for (let i = 0; i < 9; i++)
      this.runs.push({
        id: uuid(now - (i + 0.4) * dayMs, i),
        at: iso(now - (i + 0.4) * dayMs),
        endedAt: iso(now - (i + 0.4) * dayMs + 21_000 + i * 3000),
        deleted: 180 + ((i * 67) % 90),
        bytes: 1_400_000_000 + i * 77_000_000,
        failed: i === 3 ? 2 : 0,
        reason: i === 5 ? "disk_full" : "nightly",
      });

    const two = calls.slice(6, 8);
    this.packages.push(
      this.pack(
        {
          title: "投诉工单 T-2026-118",
          reason: "交市供水集团法务，答复 12345 工单",
          calls: [{ call: calls[2]?.id ?? "" }],
          silence: [],
          language: "zh",
        },
        "lin",
        now - 90_000,
      ),
      {
        ...this.pack(
          {
            title: "仲裁 2026-47 三次来访",
            reason: "仲裁委员会调取，案号（2026）内仲字第 47 号",
            calls: two.map((c, i) => (i ? { call: c.id, fromMs: 20_000, toMs: 95_000 } : { call: c.id })),
            silence: [
              {
                call: two[0]?.id ?? "",
                fromMs: 12_000,
                toMs: 19_000,
                reason: "客户报出身份证号",
              },
            ],
            passphrase: "x",
            language: "zh",
          },
          "lin",
          now - 2 * dayMs,
        ),
        ...{ state: "ready", progress: 1, bytes: 14_300_000, sha256: hex, file: "evidence-2026-47.zip.age" },
      },
      {
        ...this.pack(
          {
            title: "内部复核",
            reason: "质检复核",
            calls: [{ call: calls[9]?.id ?? "" }],
            silence: [],
            language: "zh",
          },
          "admin",
          now - 9 * dayMs,
        ),
        ...{ state: "failed", progress: 0.4, error: "part 1 does not fit the ledger: its hash is another" },
      },
      {
        ...this.pack(
          {
            title: "12345 转办",
            reason: "转办单答复",
            calls: [{ call: calls[11]?.id ?? "" }],
            silence: [],
            language: "zh",
          },
          "admin",
          now - 40 * dayMs,
        ),
        ...{
          state: "ready",
          progress: 1,
          bytes: 2_100_000,
          sha256: hex,
          file: "",
          expiresAt: iso(now - 10 * dayMs),
        },
      },
    );
    const unresolved = { resolvedAt: never, resolvedBy: "", reason: "" };
    this.integrity.open = 2;
    this.integrity.problems = [
      {
        id: "p1",
        code: "altered",
        call: calls[3]?.id ?? "",
        file: calls[3]?.parts[0]?.file ?? "",
        text: "SHA-256 is 9c56cc51…, the ledger's entry 47,911 has 9f86d081…",
        foundAt: iso(now - 6 * 3_600_000),
        ...unresolved,
      },
      {
        id: "p2",
        code: "missing",
        call: calls[8]?.id ?? "",
        file: calls[8]?.parts[0]?.file ?? "",
        text: "no such file",
        foundAt: iso(now - 30 * 3_600_000),
        ...unresolved,
      },
      {
        id: "p3",
        code: "row_changed",
        call: calls[10]?.id ?? "",
        file: "",
        text: "duration in the index is 61,000 ms, in the file 81,000 ms",
        foundAt: iso(now - 12 * dayMs),
        resolvedAt: iso(now - 11 * dayMs),
        resolvedBy: "admin",
        reason: "从备份恢复了数据库",
      },
    ];
    this.integrity.damaged = [
      { file: "journal/000117.wal.damaged", what: "record at 88,213: checksum", since: iso(now - 4 * dayMs) },
    ];
    const gone = calls[170];
    if (gone) {
      gone.state = "deleted";
      gone.deleted = { at: iso(now - dayMs), by: "retention", policy: "pay", reason: "90 days are over" };
    }
  }

  private add(hold: Hold): void {
    this.holds.unshift(hold);
    this.holds.sort((a, b) => b.id.localeCompare(a.id));
    for (const c of this.world.calls) if (covers(hold, c)) c.holds.push(hold);
  }

  private pack(wanted: NewPackage, by: string, at: number): Package {
    return {
      ...{ id: uuid(at, this.n++), title: wanted.title, reason: wanted.reason, by, at: iso(at) },
      ...{ state: "making" as const, progress: 0.08, bytes: 0, sha256: "", file: "", code: "", error: "" },
      ...{ calls: wanted.calls, silence: wanted.silence ?? [], language: wanted.language ?? "zh" },
      ...{ encrypted: Boolean(wanted.passphrase || wanted.recipient), fingerprint: key },
      expiresAt: iso(at + 30 * dayMs),
    };
  }

  private due(policies: Policy[], url: URL): DuePage {
    const at = Date.parse(url.searchParams.get("at") ?? "") || Date.now() + 9 * 3_600_000;
    const list = this.world.calls.slice(60).flatMap((call, i) => {
      const about = policies.filter(
        (p) => (!p.kind || p.kind === call.kind) && (!p.business || p.business === call.business),
      );
      const policy = about[0];
      if (!policy?.deleteDays || about.some((p) => !p.deleteDays)) return [];
      // The made-up calls are days old: their years are told faster here.
      const dueAt = Date.parse(call.endedAt ?? "") + policy.deleteDays * 0.012 * dayMs;
      return dueAt > at || call.deleted
        ? []
        : [{ call, policy: policy.id, dueAt: iso(dueAt), held: call.holds.length > 0, i }];
    });
    const free = list.filter((d) => !d.held).map(({ call, policy, dueAt }) => ({ call, policy, dueAt }));
    const { body } = page(free, url, "calls") as { body: { calls: DuePage["calls"]; next: string } };
    return {
      ...{
        at: iso(at),
        runsAt: iso(Date.now() + 9 * 3_600_000),
        ...body,
        count: free.length,
        countCapped: false,
      },
      ...{ bytes: free.reduce((sum, d) => sum + d.call.durationMs * 8, 0), held: list.length - free.length },
    };
  }

  /** A package that is being made comes on a bit each time one looks. */
  private grow(p: Package): Package {
    if (p.state !== "making") return p;
    p.progress = Math.min(1, p.progress + 0.11);
    if (p.progress < 1) return p;
    return Object.assign(p, { state: "ready", bytes: 8_400_000, sha256: hex, file: `evidence-${p.id}.zip` });
  }

  routes(): [string, RegExp, Handler][] {
    const { holds, packages, integrity } = this;
    const packed = (id = "") => packages.find((p) => p.id === id);
    const callOf = (id = "") => this.world.calls.find((c) => c.id === id);
    const active = (h: Hold) => !h.releasedAt && (!h.until || Date.parse(h.until) > Date.now());
    return [
      [
        "GET",
        /^\/holds$/,
        (_a, _b, url) => {
          const ask = (name: string) => url.searchParams.get(name) ?? "";
          const found = holds.filter(
            (h) =>
              (ask("state") === "all" || active(h) === (ask("state") !== "past")) &&
              (!ask("call") || callOf(ask("call"))?.holds.includes(h)) &&
              (!ask("seat") || h.seat === ask("seat")),
          );
          return page(found, url, "holds");
        },
      ],
      [
        "POST",
        /^\/holds$/,
        (_a, b) => {
          const given = b as unknown as NewHold;
          const hold: Hold = {
            ...{ id: uuid(Date.now(), this.n++), call: given.call ?? "", seat: given.seat ?? "" },
            ...{ from: given.from ?? never, to: given.to ?? never, reason: given.reason, by: "admin" },
            ...{ at: iso(Date.now()), until: given.until ?? never },
            ...{ releasedAt: never, releasedBy: "", releaseReason: "" },
          };
          this.add(hold);
          return { status: 201, body: hold };
        },
      ],
      [
        "POST",
        /^\/holds\/([^/]+)\/release$/,
        (a, b) => {
          const hold = holds.find((h) => h.id === a[0]);
          if (!hold) return problem(404, "no_hold");
          if (hold.releasedAt) return problem(409, "released");
          return {
            body: Object.assign(hold, {
              releasedAt: iso(Date.now()),
              releasedBy: "admin",
              releaseReason: b.reason,
            }),
          };
        },
      ],
      ["GET", /^\/policies$/, () => ({ body: { policies: this.policies } })],
      [
        "POST",
        /^\/policies$/,
        (_a, b) => {
          this.policies.push(b as unknown as Policy);
          return { status: 201, body: b };
        },
      ],
      [
        "PATCH",
        /^\/policies\/([^/]+)$/,
        (a, b) => ({ body: Object.assign(this.policies.find((p) => p.id === a[0]) ?? {}, b) }),
      ],
      [
        "DELETE",
        /^\/policies\/([^/]+)$/,
        (a) => {
          this.policies = this.policies.filter((p) => p.id !== a[0]);
          return undefined;
        },
      ],
      ["GET", /^\/retention\/preview$/, (_a, _b, url) => ({ body: this.due(this.policies, url) })],
      [
        "POST",
        /^\/retention\/preview$/,
        (_a, b, url) => ({ body: this.due((b as { policies: Policy[] }).policies, url) }),
      ],
      ["GET", /^\/retention\/runs$/, () => ({ body: { runs: this.runs } })],
      ["GET", /^\/ledger$/, () => ({ body: this.ledger })],
      [
        "GET",
        /^\/calls\/([^/]+)\/proofs$/,
        (a) => ({
          body: {
            parts: (callOf(a[0])?.parts ?? []).map((p, i) => ({
              ...{
                n: p.n,
                entry: 47_900 + i,
                size: 48_213,
                head: `earshot/site\n48213\n${hex}\ntime ${this.ledger.signedAt}\nalgorithm sha256\n\n— earshot/site x\n`,
                proof: [hex],
              },
            })),
          },
        }),
      ],
      ["GET", /^\/integrity$/, () => ({ body: integrity })],
      [
        "POST",
        /^\/integrity\/scrub$/,
        () => {
          integrity.scrub = {
            ...integrity.scrub,
            state: "running",
            at: iso(Date.now()),
            checked: 0,
            bytes: 0,
          };
          return { status: 202 };
        },
      ],
      [
        "POST",
        /^\/integrity\/problems\/([^/]+)\/resolve$/,
        (a, body) => {
          const one = integrity.problems.find((p) => p.id === a[0]);
          if (!one) return problem(404, "no_problem");
          integrity.open--;
          const { reason } = body as { reason: string };
          return { body: Object.assign(one, { resolvedAt: iso(Date.now()), resolvedBy: "admin", reason }) };
        },
      ],
      [
        "GET",
        /^\/packages$/,
        (_a, _b, url) => {
          for (const p of packages) this.grow(p);
          return page(packages, url, "packages");
        },
      ],
      [
        "POST",
        /^\/packages$/,
        (_a, b) => {
          const made = this.pack(b as unknown as NewPackage, "admin", Date.now());
          packages.unshift(made);
          return { status: 202, body: made };
        },
      ],
      [
        "GET",
        /^\/packages\/([^/]+)$/,
        (a) => {
          const found = packed(a[0]);
          return found ? { body: this.grow(found) } : problem(404, "no_package");
        },
      ],
      [
        "DELETE",
        /^\/packages\/([^/]+)$/,
        (a) => {
          Object.assign(packed(a[0]) ?? {}, { state: "gone" });
          return undefined;
        },
      ],
    ];
  }
}

function covers(hold: Hold, call: Call): boolean {
  if (hold.call) return hold.call === call.id;
  return (
    hold.seat === call.seat &&
    (!hold.to || call.startedAt <= hold.to) &&
    (!call.endedAt || call.endedAt >= (hold.from ?? ""))
  );
}
