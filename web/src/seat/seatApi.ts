import { type Agent, type Call, type CallPatch, type LiveSeat, Problem } from "@/api";
import { problemOf } from "@/api/http";
import type { Access } from "./access";

const at = encodeURIComponent;

/** What the page asks of the server in its seat's name. Every method rejects with a Problem. */
export class SeatApi {
  constructor(private readonly access: Access) {}

  state(): Promise<LiveSeat> {
    return this.ask("GET", `${this.seatPath}/state`);
  }
  setAgent(agent: Agent): Promise<void> {
    return this.ask("PUT", `${this.seatPath}/agent`, agent);
  }
  startCall(facts: CallPatch): Promise<Call> {
    return this.ask("POST", `${this.seatPath}/calls`, facts);
  }
  /** keepalive: the page is being left, and the request shall outlive it. */
  changeCall(id: string, facts: CallPatch, keepalive = false): Promise<Call> {
    return this.ask("PATCH", `/calls/${at(id)}`, facts, keepalive);
  }
  endCall(id: string): Promise<Call> {
    return this.ask("POST", `/calls/${at(id)}/end`);
  }
  pauseCall(id: string, reason: string): Promise<Call> {
    return this.ask("POST", `/calls/${at(id)}/pause`, { reason });
  }
  resumeCall(id: string): Promise<Call> {
    return this.ask("POST", `/calls/${at(id)}/resume`);
  }

  private get seatPath(): string {
    return `/seats/${at(this.access.seat)}`;
  }

  private async ask<T>(method: string, path: string, body?: unknown, keepalive = false): Promise<T> {
    let response = await this.send(method, path, body, keepalive);
    if (response.status === 401 && (await this.access.renew())) {
      response = await this.send(method, path, body, keepalive);
    }
    if (!response.ok) throw await problemOf(response);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  /** Without cookies: whoever else is signed in here, the page speaks for the seat. */
  private async send(method: string, path: string, body: unknown, keepalive: boolean): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.access.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    try {
      return await fetch(`/api/v1${path}`, {
        method,
        headers,
        keepalive,
        body: body === undefined ? null : JSON.stringify(body),
        credentials: "omit",
      });
    } catch {
      throw new Problem(0, "unreachable", "");
    }
  }
}
