import { Problem, type SeatTicket } from "@/api";
import { bodyOf, client } from "@/api/http";
import type { SeatLink } from "./link";

// With what the page speaks for its seat: the token of its link, or a ticket
// that the server gives a signed-in agent, for a while and until it restarts.

export class Access {
  private asking: Promise<boolean> | null = null;

  private constructor(
    readonly seat: string,
    private current: string,
    private readonly ticketed: boolean,
  ) {}

  static byLink(link: SeatLink): Access {
    return new Access(link.seat, link.token, false);
  }

  /** Asks for a ticket; rejects with the server's Problem. */
  static async byTicket(seat: string): Promise<Access> {
    const { token } = await askTicket(seat);
    return new Access(seat, token, true);
  }

  get token(): string {
    return this.current;
  }

  get link(): SeatLink {
    return { seat: this.seat, token: this.ticketed ? "" : this.current };
  }

  /** After a 401: gets another ticket; false if the token is all there is, or nobody is signed in. */
  renew(): Promise<boolean> {
    if (!this.ticketed) return Promise.resolve(false);
    this.asking ??= this.askAgain().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async askAgain(): Promise<boolean> {
    try {
      this.current = (await askTicket(this.seat)).token;
      return true;
    } catch (err) {
      if (err instanceof Problem && err.status >= 400 && err.status < 500) return false;
      throw err;
    }
  }
}

function askTicket(id: string): Promise<SeatTicket> {
  return bodyOf(client.POST("/api/v1/seats/{id}/ticket", { params: { path: { id } } }));
}
