import { connect } from "node:net";
import { openConnection } from "../../../src/runtime/connection.js";
import type { Hello } from "../../../src/vocabulary/message.js";

const PATIENCE_MS = 10_000;

export interface PeerAnswer {
  /** The other side has ended the connection. */
  readonly closed: boolean;
  readonly bytes: Buffer;
}

/** Sends bytes as they are to a port and waits until the other side ends the connection. */
export function sendRaw(port: number, pieces: readonly Uint8Array[]): Promise<PeerAnswer> {
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    const socket = connect({ host: "127.0.0.1", port });
    const end = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ closed, bytes: Buffer.concat(received) });
    };
    const timer = setTimeout(() => end(false), PATIENCE_MS);
    socket.on("data", (bytes) => void received.push(bytes));
    socket.on("error", () => end(true));
    socket.on("close", () => end(true));
    socket.on("connect", () => {
      for (const piece of pieces) socket.write(piece);
    });
  });
}

/** Says a hello to a port; resolves with what the other side says against it, or null when it takes it. */
export function sayHello(port: number, hello: Hello): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => {
      const opened = openConnection(socket, {
        hello: () => hello,
        // Whether this side would take the other is not the question here, and its word comes after its hello.
        accepts: () => null,
        helloTimeoutMs: PATIENCE_MS,
        onOpen: () => {
          setTimeout(() => {
            resolve(null);
            opened.close();
          }, 500);
        },
        onMessage: () => {},
        onClose: (_, reason) => resolve(reason),
        onEnd: (reason) => resolve(reason),
      });
    });
    socket.on("error", (error) => resolve(error.message));
  });
}
