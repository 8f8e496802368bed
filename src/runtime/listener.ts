import { createServer, type Socket } from "node:net";
import type { Address } from "../vocabulary/view.js";
import { type ConnectionEvents, HELLO_TIMEOUT_MS, openConnection } from "./connection.js";

export interface ListenOptions extends ConnectionEvents {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Beyond it a caller gets a goodbye that says so right behind the hello; of a whole crowd at once the last are cut off without a word. */
  readonly connectionsMax: number;
  /** Default 2 s. */
  readonly helloTimeoutMs?: number;
  readonly bufferedBytesMax?: number;
}

export interface Listener {
  readonly address: Address;
  /** Takes no more callers and closes the open connections. */
  close(): Promise<void>;
}

/** Each that is told why it is refused takes a descriptor until it has gone: this part of the limit at most. */
const REFUSED_PART = 1 / 4;

/** Rejects when the port cannot be had (EADDRINUSE). */
export function listen(options: ListenOptions): Promise<Listener> {
  const open = new Set<{ close(reason?: string): void }>();
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    const full = sockets.size > options.connectionsMax;
    const opened = openConnection(socket, {
      ...options,
      helloTimeoutMs: options.helloTimeoutMs ?? HELLO_TIMEOUT_MS,
      onEnd: () => open.delete(opened),
    });
    open.add(opened);
    if (full) opened.close(`there are ${options.connectionsMax} connections already, which is the limit`);
  });

  server.maxConnections = Math.ceil(options.connectionsMax * (1 + REFUSED_PART));

  function close(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      for (const opened of [...open]) opened.close();
      for (const socket of sockets) socket.destroySoon();
    });
  }

  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off("error", reject);
      // Errors after this (no file descriptors left for a caller) concern that caller only.
      server.on("error", () => {});
      const bound = server.address();
      if (bound === null || typeof bound === "string") return reject(new Error("the listener has no TCP address"));
      resolve({ address: { host: options.host, port: bound.port }, close });
    });
  });
}
