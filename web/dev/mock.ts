import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { Audit, Branch, Seat, User } from "../src/api/types.ts";
import { Evidence } from "./evidence.ts";
import { accept, type MockSocket } from "./socket.ts";
import { tone, wave } from "./sound.ts";
import { World } from "./world.ts";

// A made-up server for looking at pages while developing: it serves the API and
// the WebSocket from memory. `MOCK=12 npm run dev`; password: earshot.

export type Answer = { status?: number; body?: unknown; headers?: Record<string, string>; raw?: Buffer };
export type Handler = (args: string[], body: Record<string, unknown>, url: URL) => Answer | undefined;

export const problem = (status: number, code: string): Answer => ({
  status,
  body: { status, code, title: code, detail: code },
  headers: { "Content-Type": "application/problem+json" },
});

export function mockServer(count: number): Plugin {
  const world = new World(count);
  const routes = routesOf(world);
  let who: User | null = null;
  return {
    name: "earshot-mock",
    configureServer(server) {
      const sockets = new Set<MockSocket>();
      runLive(world, sockets);
      server.httpServer?.on("upgrade", (req: IncomingMessage, stream) => {
        if (!req.url?.startsWith("/api/v1/live")) return;
        const socket = accept(req, stream, () => sockets.delete(socket));
        greet(world, socket);
        sockets.add(socket);
      });
      server.middlewares.use(async (req, res, next) => {
        const url = new URL(req.url ?? "/", "http://mock");
        if (url.pathname.startsWith("/whep/")) return send(res, problem(409, "seat_offline"));
        if (!url.pathname.startsWith("/api/v1/")) return next();
        const body = await readBody(req);
        const path = url.pathname.slice("/api/v1".length);
        if (path === "/login") {
          who = world.users.find((u) => u.id === body.name && body.password === "earshot") ?? null;
          return send(res, who ? { body: { ...meOf(who), token: "t" } } : problem(401, "bad_credentials"));
        }
        if (path === "/logout") who = null;
        if (path === "/me" && req.method === "GET")
          return send(res, who ? { body: meOf(who) } : problem(401, "sign_in"));
        for (const [method, pattern, handler] of routes) {
          const match = req.method === method && pattern.exec(path);
          if (!match) continue;
          if (!who && path !== "/site") return send(res, problem(401, "sign_in"));
          return send(
            res,
            handler(match.slice(1).map(decodeURIComponent), body, url) ?? { status: 204 },
            req,
          );
        }
        send(res, problem(404, "not_found"));
      });
    },
  };
}

const allowed: Record<string, string[]> = {
  admin: [
    ...["wall", "listen", "calls", "play", "download", "edit", "mark", "drive", "seat"],
    ...["hold", "export", "inspect", "capture", "admin"],
  ],
  supervisor: ["wall", "listen", "calls", "play", "edit", "mark", "drive", "seat", "capture"],
  inspector: ["wall", "calls", "play", "edit", "mark", "capture"],
  evidence: ["calls", "play", "download", "edit", "mark", "hold", "export", "inspect", "capture"],
  agent: ["seat", "drive"],
};
const meOf = (u: User) => ({ user: { id: u.id, name: u.name, role: u.role }, allowed: allowed[u.role] });

function routesOf(world: World): [string, RegExp, Handler][] {
  const token = (id: string) => ({
    token: "est_kT7v9QpX2mLr4ZcW8yNbJ1aHsD6fGuEo",
    seatUrl: `https://earshot.example:8443/seat#seat=${id}&token=est_kT7v9QpX2mLr4ZcW8yNbJ1aHsD6fGuEo`,
    whipUrl: `https://earshot.example:8443/whip/${id}`,
  });
  const call = (id = "") => world.calls.find((c) => c.id === id);
  const evidence = new Evidence(world);
  const routes: [string, RegExp, Handler][] = [
    ["POST", /^\/logout$/, () => undefined],
    [
      "POST",
      /^\/me\/password$/,
      (_a, b) => (b.old === "earshot" ? undefined : problem(401, "bad_credentials")),
    ],
    [
      "GET",
      /^\/site$/,
      () => ({
        body: {
          name: "市供水集团",
          timezone: "Asia/Shanghai",
          publicUrl: "https://earshot.example:8443",
          whipUrl: "https://earshot.example:8443/whip/",
          version: "0.1.0-mock",
          demo: false,
          iceServers: [],
        },
      }),
    ],
    ["POST", /^\/seats\/([^/]+)\/token$/, (a) => ({ body: token(a[0] ?? "") })],
    ...evidence.routes(),
    [
      "GET",
      /^\/calls$/,
      (_a, _b, url) =>
        page(
          world.calls.filter((c) => url.searchParams.get("held") !== "true" || c.holds.length > 0),
          url,
          "calls",
        ),
    ],
    [
      "GET",
      /^\/calls\/([^/]+)$/,
      (a) => {
        const found = call(a[0]);
        if (found?.deleted)
          return {
            ...problem(410, "deleted"),
            body: { status: 410, code: "deleted", deleted: found.deleted, call: found },
          };
        return found ? { body: found } : problem(404, "no_call");
      },
    ],
    ["PATCH", /^\/calls\/([^/]+)$/, (a, b) => ({ body: Object.assign(call(a[0]) ?? {}, b) })],
    ["GET", /^\/calls\/([^/]+)\/levels$/, (a) => ({ body: wave(call(a[0])?.durationMs ?? 0) })],
    ["GET", /^\/calls\/([^/]+)\/audit$/, () => ({ body: { audit: world.audit.slice(0, 6) } })],
    ["GET", /^\/calls\/([^/]+)\/marks$/, (a) => ({ body: { marks: call(a[0])?.marks } })],
    [
      "POST",
      /^\/calls\/([^/]+)\/marks$/,
      (a, b) => {
        const mark = { id: String(Date.now()), by: "admin", ...b };
        call(a[0])?.marks?.push(mark as never);
        return { status: 201, body: mark };
      },
    ],
    [
      "DELETE",
      /^\/calls\/([^/]+)\/marks\/([^/]+)$/,
      (a) => {
        const c = call(a[0]);
        if (c) c.marks = (c.marks ?? []).filter((m) => m.id !== a[1]);
        return undefined;
      },
    ],
    [
      "GET",
      /^\/calls\/([^/]+)\/parts\/(\d+)\/audio$/,
      (a) => {
        const part = call(a[0])?.parts?.[Number(a[1]) - 1];
        return part
          ? { raw: tone(part.durationMs), headers: { "Content-Type": "audio/wav" } }
          : problem(404, "no_part");
      },
    ],
    [
      "GET",
      /^\/audit$/,
      (_a, _b, url) => {
        const action = url.searchParams.get("action");
        const who = url.searchParams.get("who");
        const rows = world.audit.filter(
          (r: Audit) => (!action || r.action === action) && (!who || r.who === who),
        );
        return page(rows, url, "audit");
      },
    ],
  ];
  collection(routes, "branches", world.branches, (b: Branch) =>
    world.seats.some((s) => s.branch === b.id) || world.branches.some((x) => x.parent === b.id)
      ? "branch_in_use"
      : "",
  );
  collection(
    routes,
    "seats",
    world.seats,
    (s: Seat) => (world.live.get(s.id)?.call ? "seat_in_use" : ""),
    (s) => token(s.id),
  );
  collection(routes, "users", world.users, (u: User) => (u.id === "admin" ? "last_admin" : ""));
  return routes;
}

function collection<T extends { id: string }>(
  routes: [string, RegExp, Handler][],
  name: string,
  list: T[],
  inUse: (item: T) => string,
  more: (item: T) => object = () => ({}),
): void {
  const one = new RegExp(`^/${name}/([^/]+)$`);
  const all = new RegExp(`^/${name}$`);
  const find = (id = "") => list.find((x) => x.id === id);
  routes.push(
    ["GET", all, () => ({ body: { [name]: list } })],
    [
      "POST",
      all,
      (_a, b) => {
        if (find(String(b.id))) return problem(409, "exists");
        const { password: _, ...rest } = b;
        list.push({ disabled: false, ...rest } as unknown as T);
        return { status: 201, body: { ...b, ...more(b as unknown as T) } };
      },
    ],
    ["PATCH", one, (a, b) => ({ body: Object.assign(find(a[0]) ?? {}, b) })],
    [
      "DELETE",
      one,
      (a) => {
        const item = find(a[0]);
        if (!item) return problem(404, "not_found");
        if (inUse(item)) return problem(409, inUse(item));
        list.splice(list.indexOf(item), 1);
        return undefined;
      },
    ],
  );
}

export function page<T>(list: T[], url: URL, name: string): Answer {
  const from = Number(url.searchParams.get("cursor") ?? 0);
  const limit = Number(url.searchParams.get("limit") ?? 50);
  const next = from + limit < list.length ? String(from + limit) : "";
  return { body: { [name]: list.slice(from, from + limit), next } };
}

function greet(world: World, socket: MockSocket): void {
  const at = new Date().toISOString();
  socket.send(JSON.stringify({ type: "hello", version: "0.1.0-mock", at }));
  socket.send(
    JSON.stringify({ type: "snapshot", id: "e-1", at, seats: [...world.live.values()], nodes: [] }),
  );
  socket.send(JSON.stringify({ type: "roster", version: 1, seats: world.seats.map((s) => s.id) }));
}

/** Ten levels a second, and a seat that changes now and then, to everybody. */
function runLive(world: World, sockets: Set<MockSocket>): void {
  let n = 1;
  const tell = (data: string | Uint8Array) => {
    for (const s of sockets) s.send(data);
  };
  const talk = (state: string | undefined, phase: number) =>
    state === "live"
      ? Math.round(Math.sin(phase) > -0.2 ? 18 + 22 * Math.random() : 70)
      : state === "idle"
        ? 62
        : 255;
  setInterval(() => {
    const bytes = new Uint8Array(3 + world.seats.length * 2);
    bytes.set([1, 0, 1]);
    const t = Date.now() / 1500;
    world.seats.forEach((s, i) => {
      const state = world.live.get(s.id)?.state;
      bytes.set([talk(state, t + i), talk(state, t + i + Math.PI)], 3 + i * 2);
    });
    tell(bytes);
  }, 100).unref();
  setInterval(() => {
    const seat = world.change();
    n++;
    if (seat)
      tell(
        JSON.stringify({
          type: "event",
          id: `e-${n}`,
          event: { id: `e-${n}`, kind: "seat", at: seat.since, seat },
        }),
      );
  }, 2500).unref();
}

async function readBody(req: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of req) text += String(chunk);
  return text ? (JSON.parse(text) as Record<string, unknown>) : {};
}

function send(res: ServerResponse, answer: Answer, req?: IncomingMessage): void {
  if (answer.raw) {
    const range = /bytes=(\d+)-(\d*)/.exec(req?.headers.range ?? "");
    const from = Number(range?.[1] ?? 0);
    const to = Math.min(range?.[2] ? Number(range[2]) : answer.raw.length - 1, answer.raw.length - 1);
    res.writeHead(range ? 206 : 200, {
      ...answer.headers,
      "Accept-Ranges": "bytes",
      "Content-Length": to - from + 1,
      ...(range ? { "Content-Range": `bytes ${from}-${to}/${answer.raw.length}` } : {}),
    });
    res.end(answer.raw.subarray(from, to + 1));
    return;
  }
  res.writeHead(answer.status ?? 200, { "Content-Type": "application/json", ...answer.headers });
  res.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
}
