import { WebSocket as ReconnectingSocket } from "partysocket";
import type { OpenSocket } from "./line";

/** A real reconnecting WebSocket to this page's own server. */
export const openSocket: OpenSocket = (address) => {
  const base = window.location.origin.replace(/^http/, "ws");
  const socket = new ReconnectingSocket(() => base + address(), [], {
    minReconnectionDelay: 400,
    maxReconnectionDelay: 5000,
    reconnectionDelayGrowFactor: 1.6,
    connectionTimeout: 6000,
    maxEnqueuedMessages: 0,
  });
  socket.binaryType = "arraybuffer";
  return socket;
};
