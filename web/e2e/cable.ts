// The network between a browser and the server, which can be cut.
import {
  type AddressInfo,
  createServer,
  connect as dial,
  type Server as Listener,
  type Socket,
} from "node:net";
import type { Server } from "./server";

type Fate = "whole" | "cut" | "frozen";

/** A TCP proxy before a server's HTTP port; its `url` is for the browser. */
export class Cable {
  readonly #listener: Listener;
  readonly #pairs = new Set<[Socket, Socket]>();
  #fate: Fate = "whole";

  private constructor(
    listener: Listener,
    private readonly far: URL,
  ) {
    this.#listener = listener;
    listener.on("connection", (near) => this.#join(near));
  }

  static async lay(server: Server): Promise<Cable> {
    const listener = createServer();
    await new Promise<void>((ready) => listener.listen(0, "127.0.0.1", ready));
    return new Cable(listener, new URL(server.url));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** Every connection breaks, and none comes to be any more. */
  cut(): void {
    this.#fate = "cut";
    this.#breakAll();
  }

  /** Nothing passes any more, and nobody is told: as when a cable is pulled. */
  freeze(): void {
    this.#fate = "frozen";
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** The cable is whole again; what was frozen in it is lost. */
  mend(): void {
    if (this.#fate === "frozen") this.#breakAll();
    this.#fate = "whole";
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((closed) => this.#listener.close(closed));
  }

  #breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #join(near: Socket): void {
    if (this.#fate === "cut") {
      near.resetAndDestroy();
      return;
    }
    const far = dial(Number(this.far.port), this.far.hostname);
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on("data", (data) => {
        if (!to.write(data)) from.pause();
      });
      from.on("drain", () => this.#fate !== "frozen" && to.resume());
      from.on("end", () => to.end());
      from.on("error", () => to.destroy()); // a broken connection is what is wanted
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
      if (this.#fate === "frozen") from.pause();
    }
  }
}
