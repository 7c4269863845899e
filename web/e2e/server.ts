// A real server for a test: bin/earshot on random loopback ports and a data
// folder of its own.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const binary = process.env.EARSHOT_BIN ?? resolve(import.meta.dirname, "../../bin/earshot");
export const demo = resolve(import.meta.dirname, "../../ingest/seat/demo");

export const adminPassword = "correct horse battery";

export interface Seat {
  id: string;
  token: string;
  seatUrl: string;
  whipUrl: string;
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return failed(new Error("no port"));
      server.close(() => found(address.port));
    });
  });
}

/** Ends a process and waits for its end. */
async function hush(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.on("exit", done));
  child.kill("SIGINT");
  await ended;
}

/** Asks until `ask` gives something other than undefined, null or false. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false>,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((next) => setTimeout(next, 50));
  }
  throw new Error(`gave up waiting for ${what}${last ? ` (${last})` : ""}`);
}

/**
 * The zone in which it is about noon: no day ends while a test goes on, whenever
 * that is, and nothing that is done at night comes between.
 */
function noonZone(now = new Date()): string {
  const ahead = 12 - now.getUTCHours();
  return `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`; // POSIX: west is positive
}

export class Server {
  readonly #flags: string[];
  #process: ChildProcess | undefined;
  #log = "";
  #session = "";
  readonly #speakers: ChildProcess[] = [];

  private constructor(
    readonly url: string,
    readonly folder: string,
    /** What a day is there. */
    readonly zone: string,
    flags: string[],
  ) {
    this.#flags = flags;
  }

  static start(...flags: string[]): Promise<Server> {
    return Server.#startOn(mkdtempSync(join(tmpdir(), "earshot-e2e-")), flags);
  }

  /** Starts one on a copy of the data folder that another left. */
  static startOnCopy(of: string): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), "earshot-e2e-"));
    cpSync(of, folder, { recursive: true });
    return Server.#startOn(folder, []);
  }

  static async #startOn(folder: string, flags: string[]): Promise<Server> {
    const [http, media] = [await freePort(), await freePort()];
    const zone = noonZone();
    const server = new Server(`http://127.0.0.1:${http}`, folder, zone, [
      "serve",
      `--timezone=${zone}`,
      `--data=${folder}`,
      `--http=127.0.0.1:${http}`,
      `--udp=127.0.0.1:${media}`,
      ...flags,
    ]);
    await server.up();
    return server;
  }

  /** What the server has printed so far. */
  get log(): string {
    return this.#log;
  }

  /** Starts the process (again) and waits until it is ready. */
  async up(): Promise<void> {
    const child = spawn(binary, this.#flags, {
      env: { ...process.env, EARSHOT_ADMIN_PASSWORD: adminPassword },
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        this.#log += data.toString();
      });
    }
    await until("the server to be ready", async () => {
      if (child.exitCode !== null) throw new Error(`it ended:\n${this.#log}`);
      return (await fetch(`${this.url}/readyz`)).ok;
    });
  }

  /** Ends the process and waits for its end; answers its exit status. */
  async down(signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((done) => child.on("exit", done));
    child.kill(signal);
    return ended;
  }

  async close(): Promise<void> {
    await Promise.all(this.#speakers.map((speaker) => hush(speaker)));
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Fills the index with so many calls that have no recordings, over a span of time up to now. */
  async fill(calls: number, over?: string): Promise<void> {
    await this.down();
    const how = [`--data=${this.folder}`, `--calls=${calls}`, ...(over ? [`--over=${over}`] : [])];
    const fill = spawnSync(binary, ["bench", "fill", "--quiet", ...how], { encoding: "utf8" });
    if (fill.status !== 0) throw new Error(`the index could not be filled: ${fill.stderr}`);
    await this.up();
  }

  /** Calls the API as the administrator. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.fetch(path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  /** Fetches with the administrator's session. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    if (!this.#session) await this.#signIn();
    return fetch(this.url + path, {
      ...init,
      headers: { ...init.headers, Authorization: `Bearer ${this.#session}` },
    });
  }

  async #signIn(): Promise<void> {
    const answer = await fetch(`${this.url}/api/v1/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: "admin", password: adminPassword }),
    });
    if (!answer.ok) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
    this.#session = ((await answer.json()) as { token: string }).token;
  }

  async makeBranch(id: string, name: string): Promise<void> {
    await this.api("POST", "/api/v1/branches", { id, name, parent: "" });
  }

  makeSeat(id: string, name: string, branch: string, kind: string, cut: string): Promise<Seat> {
    return this.api<Seat>("POST", "/api/v1/seats", { id, name, branch, kind, cut });
  }

  /**
   * Plays one of the demo conversations at a seat, over and over, until the
   * answer is called or the server is closed.
   */
  speak(seat: Seat, conversation: string): () => Promise<void> {
    const [agent, customer] = ["agent", "customer"].map((side) => join(demo, `${conversation}-${side}.opus`));
    const speaker = spawn(
      binary,
      [
        ...["seat", `--url=${this.url}`, `--seat=${seat.id}`, `--token=${seat.token}`],
        ...[`--agent=${agent}`, `--customer=${customer}`, "--loop"],
      ],
      { stdio: "ignore" },
    );
    this.#speakers.push(speaker);
    return () => hush(speaker);
  }

  /** Makes a user who can sign in; answers the password. */
  async makeUser(id: string, name: string, role: string): Promise<string> {
    const password = `${id} sits here`;
    await this.api("POST", "/api/v1/users", { id, name, role, password });
    return password;
  }
}
