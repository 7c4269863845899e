import type { Audit, Branch, Call, LiveSeat, Part, Seat, SeatState, User } from "../src/api/types.ts";

// A made-up site: its branches, seats, people and calls, moving by themselves.

const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;
const iso = (ms: number) => new Date(ms).toISOString();

const agents = [
  "王秀英",
  "李明",
  "张伟",
  "刘洋",
  "陈静",
  "杨帆",
  "赵敏",
  "黄磊",
  "周杰",
  "吴婷",
  "徐丽",
  "孙强",
];
const business = ["过户", "缴费", "报修", "开户", "咨询", "投诉"];

export function uuid(ms: number, n: number): string {
  const hex = ms.toString(16).padStart(12, "0");
  const tail = (n * 2654435761 + 12345).toString(16).padStart(12, "0").slice(-12);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${(n % 4096).toString(16).padStart(3, "0")}-8000-${tail}`;
}

export class World {
  branches: Branch[] = [];
  seats: Seat[] = [];
  users: User[] = [];
  calls: Call[] = [];
  audit: Audit[] = [];
  live = new Map<string, LiveSeat>();

  constructor(count: number) {
    this.users = [
      { id: "admin", name: "系统管理员", role: "admin", disabled: false },
      { id: "ban", name: "高班长", role: "supervisor", disabled: false },
      { id: "zhi", name: "何质检", role: "inspector", disabled: false },
      { id: "lin", name: "林取证", role: "evidence", disabled: false },
      { id: "old", name: "老员工", role: "agent", disabled: true },
    ];
    if (count === 0) return;
    this.branches = [
      { id: "city", name: "市供水集团", parent: "" },
      { id: "east", name: "城东营业厅", parent: "city" },
      { id: "west", name: "城西营业厅", parent: "city" },
      { id: "hotline", name: "96116 热线", parent: "city" },
      { id: "hot-a", name: "热线一组", parent: "hotline" },
    ];
    const places = ["east", "west", "hot-a"];
    for (let i = 0; i < count; i++) {
      const branch = pick(places, i);
      const hot = branch === "hot-a";
      const id = `${hot ? "hot" : "win"}-${i + 1}`;
      this.seats.push({
        id,
        name: hot ? `热线 ${i + 1} 席` : `${i + 1} 号窗口`,
        branch,
        kind: hot ? "hotline" : "counter",
        cut: pick(["event", "session", "voice"] as const, i),
      });
      this.live.set(id, this.liveSeat(id, i));
    }
    const now = Date.now();
    for (let i = 0; i < 180; i++) this.calls.push(this.call(i, now - i * 1_900_000));
    for (let i = 0; i < 120; i++) this.audit.push(this.row(i, now - i * 431_000));
  }

  private row(i: number, at: number): Audit {
    const actions = [
      "sign_in",
      "listen",
      "play",
      "download",
      "update",
      "create",
      "sign_in_failed",
      "call_start",
    ];
    const action = pick(actions, i * 3 + (i >> 2));
    const call = action === "play" || action === "download" ? (pick(this.calls, i)?.id ?? "") : "";
    const target = action === "listen" || action === "update" ? pick(this.seats, i).id : "";
    const toMs = action === "listen" || action === "play" ? 1000 * (7 + ((i * 37) % 400)) : 0;
    const who = action === "call_start" ? "seat:win-1" : pick(["admin", "ban", "zhi"], i);
    return {
      id: uuid(at, i),
      at: iso(at),
      who,
      from: `10.2.0.${i % 40}`,
      action,
      target,
      call,
      fromMs: 0,
      toMs,
      reason: "",
    };
  }

  private call(i: number, startedAt: number): Call {
    const seat = pick(this.seats, i);
    const durationMs = 25_000 + ((i * 7919) % 600) * 1000;
    const id = uuid(startedAt, i);
    const two = i % 9 === 3;
    const part = (n: number, from: number, length: number): Part => ({
      n,
      file: `2026/11/21/${id}-${n}.opus`,
      track: "both",
      codec: "opus",
      channels: 2,
      startMs: from,
      durationMs: length,
      bytes: length * 8,
      sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      clock: [{ fileMs: 0, at: iso(startedAt + from) }],
    });
    const half = Math.round(durationMs / 2);
    return {
      id,
      seat: seat.id,
      branch: seat.branch,
      agent: i % 11 === 5 ? null : { id: `A${100 + (i % 12)}`, name: pick(agents, i) },
      kind: seat.kind,
      direction: seat.kind === "hotline" ? pick(["inbound", "outbound"] as const, i) : "none",
      number: seat.kind === "hotline" ? `138${String(10_000_000 + i * 7351).slice(0, 8)}` : "",
      account: i % 3 ? `0471${String(i).padStart(6, "0")}` : "",
      ticket: i % 5 === 0 ? `T-2026-${i}` : "",
      business: i % 4 ? pick(business, i) : "",
      state: "stored",
      startedAt: iso(startedAt),
      endedAt: iso(startedAt + durationMs),
      durationMs,
      channels: 2,
      parts: two ? [part(1, 0, half - 4000), part(2, half, durationMs - half)] : [part(1, 0, durationMs)],
      gaps: two
        ? (["agent", "customer"] as const).map((side) => ({
            side,
            startMs: half - 4000,
            endMs: half,
            cause: "disconnected" as const,
          }))
        : i % 6 === 1
          ? [{ side: "customer", startMs: 8000, endMs: 9500, cause: "lost" }]
          : [],
      marks:
        i % 7 === 2
          ? [
              {
                id: uuid(startedAt + 5, i),
                kind: "bookmark",
                side: "",
                startMs: 12_000,
                endMs: 12_000,
                by: "ban",
                text: "客户要求回访",
                shared: true,
              },
            ]
          : [],
      tags: i % 8 === 1 ? ["回访"] : [],
      flags: two ? ["gaps", "interrupted"] : i % 10 === 4 ? ["silence"] : [],
      rating: i % 4 === 0 ? 1 + (i % 5) : 0,
      node: "node-1",
      holds: [],
    };
  }

  private liveSeat(seat: string, i: number): LiveSeat {
    const states: SeatState[] = [
      "live",
      "live",
      "idle",
      "live",
      "idle",
      "paused",
      "live",
      "offline",
      "live",
      "idle",
      "faulty",
      "live",
    ];
    const state = pick(states, i + (i / 12) * 5 * 0);
    const now = Date.now();
    const since = now - 1000 * (5 + ((i * 97) % 900));
    const calling = state === "live" || state === "paused" || state === "faulty";
    return {
      seat,
      node: state === "offline" ? "" : "node-1",
      state,
      since: iso(since),
      agent: state === "offline" || i % 9 === 4 ? null : { id: `A${100 + (i % 120)}`, name: pick(agents, i) },
      call: calling
        ? {
            id: uuid(since, i),
            startedAt: iso(since),
            paused: state === "paused",
            pauseReason: state === "paused" ? "客户输入密码" : "",
            direction: i % 3 === 2 ? "inbound" : "none",
            number: i % 3 === 2 ? `1391234${String(1000 + i)}` : "",
            account: "",
            ticket: "",
            business: pick(business, i),
          }
        : null,
      streams:
        state === "offline" || state === "faulty"
          ? []
          : [
              {
                id: `s${i}`,
                sides: ["agent", "customer"],
                mixed: false,
                codec: "opus",
                since: iso(since - 90_000),
                connected: true,
                quality: 1 + ((i * 5 + 3) % 4),
                lossPct: (i % 4) / 2,
                jitterMs: 4 + (i % 20),
                rttMs: 12 + i,
              },
            ],
      listeners: i % 13 === 3 ? ["ban"] : [],
      attention:
        state === "faulty" ? "disconnected" : i % 23 === 6 ? "silent" : i % 31 === 8 ? "poor_link" : "",
    };
  }

  /** Lets one seat change its state. */
  change(): LiveSeat | null {
    if (this.seats.length === 0) return null;
    const seat = pick(this.seats, Math.floor(Math.random() * this.seats.length));
    const was = this.live.get(seat.id);
    if (!was) return null;
    const fresh = this.liveSeat(seat.id, Math.floor(Math.random() * 1000));
    const now = iso(Date.now());
    const next: LiveSeat = {
      ...fresh,
      since: now,
      agent: was.agent ?? fresh.agent,
      call: fresh.call && { ...fresh.call, startedAt: now },
    };
    this.live.set(seat.id, next);
    return next;
  }
}
