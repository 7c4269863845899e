import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

// Just enough of a WebSocket server for the mock: it sends, and hears the end.

const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export interface MockSocket {
  send(data: string | Uint8Array): void;
  close(): void;
}

export function accept(req: IncomingMessage, stream: Duplex, closed: () => void): MockSocket {
  const key = createHash("sha1").update(`${req.headers["sec-websocket-key"]}${magic}`).digest("base64");
  stream.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  stream.on("close", closed);
  stream.on("error", closed);
  stream.on("data", (data: Buffer) => {
    if (((data[0] ?? 0) & 0x0f) === 8) stream.end();
  });
  return {
    send(data) {
      const payload = typeof data === "string" ? Buffer.from(data) : Buffer.from(data);
      const head =
        payload.length < 126
          ? Buffer.from([0, payload.length])
          : payload.length < 65536
            ? Buffer.from([0, 126, payload.length >> 8, payload.length & 255])
            : Buffer.concat([
                Buffer.from([0, 127, 0, 0, 0, 0]),
                Buffer.from(Uint32Array.of(payload.length).buffer).reverse(),
              ]);
      head[0] = typeof data === "string" ? 0x81 : 0x82;
      if (stream.writable) stream.write(Buffer.concat([head, payload]));
    },
    close() {
      stream.destroy();
    },
  };
}
