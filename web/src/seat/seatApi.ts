import createClient, { type Client } from "openapi-fetch";
import type { Agent, Call, CallPatch, LiveSeat } from "@/api";
import type { SoundResult } from "@/api/capture";
import { bodyOf } from "@/api/http";
import type { paths } from "@/api/schema.gen";
import type { Access } from "./access";

/** What the page asks of the server in its seat's name. Every method rejects with a Problem. */
export class SeatApi {
  private readonly client: Client<paths>;

  constructor(private readonly access: Access) {
    this.client = createClient<paths>({
      baseUrl: window.location.origin,
      // Whoever else is signed in here, the page speaks for the seat.
      credentials: "omit",
      fetch: (request) => this.send(request),
    });
  }

  state(): Promise<LiveSeat> {
    return bodyOf(this.client.GET("/api/v1/seats/{id}/state", this.seat));
  }
  setAgent(body: Agent): Promise<void> {
    return bodyOf(this.client.PUT("/api/v1/seats/{id}/agent", { ...this.seat, body })).then(() => undefined);
  }
  startCall(body: CallPatch): Promise<Call> {
    return bodyOf(this.client.POST("/api/v1/seats/{id}/calls", { ...this.seat, body }));
  }
  /** keepalive: the page is being left, and the request shall outlive it. */
  changeCall(id: string, body: CallPatch, keepalive = false): Promise<Call> {
    return bodyOf(this.client.PATCH("/api/v1/calls/{id}", { ...path(id), body, keepalive }));
  }
  endCall(id: string): Promise<Call> {
    return bodyOf(this.client.POST("/api/v1/calls/{id}/end", path(id)));
  }
  pauseCall(id: string, reason: string): Promise<Call> {
    return bodyOf(this.client.POST("/api/v1/calls/{id}/pause", { ...path(id), body: { reason } }));
  }
  resumeCall(id: string): Promise<Call> {
    return bodyOf(this.client.POST("/api/v1/calls/{id}/resume", path(id)));
  }

  soundCheck(result: SoundResult, agentDbov: number, customerDbov: number): Promise<void> {
    const body = { result, agentDbov, customerDbov };
    return bodyOf(this.client.POST("/api/v1/seats/{id}/soundcheck", { ...this.seat, body })).then(
      () => undefined,
    );
  }

  private get seat() {
    return path(this.access.seat);
  }

  /** A ticket may have run out meanwhile: with another one it is asked once more. */
  private async send(request: Request): Promise<Response> {
    const again = request.clone();
    const response = await this.authorised(request);
    if (response.status !== 401 || !(await this.access.renew())) return response;
    return this.authorised(again);
  }

  private authorised(request: Request): Promise<Response> {
    request.headers.set("Authorization", `Bearer ${this.access.token}`);
    return globalThis.fetch(request);
  }
}

const path = (id: string) => ({ params: { path: { id } } });
