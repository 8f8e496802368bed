import { connect } from "node:net";
import type { Address } from "../vocabulary/view.js";
import { monotonicMs } from "./clock.js";
import { type Connection, type ConnectionEvents, openConnection } from "./connection.js";

export interface DialOptions extends ConnectionEvents {
  /** Asked again before each attempt; null: not known yet, ask later. */
  address(): Address | null;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** For the connection and the hello together. */
  readonly connectTimeoutMs: number;
  readonly bufferedBytesMax?: number;
  /** An attempt came to nothing; for status and logs. */
  onFailedAttempt?(reason: string): void;
}

export interface Dialer {
  /** Null while there is none. */
  readonly connection: Connection | null;
  /** Closes the connection and dials no more. */
  close(): void;
}

/** Keeps a connection to an address, dialling again for ever with a growing, jittered back-off. */
export function dial(options: DialOptions): Dialer {
  let closed = false;
  let connection: Connection | null = null;
  let attempt: { close(reason?: string): void } | null = null;
  let backoffMs = options.backoffMinMs;
  let openedAtMs = 0;
  let timer: NodeJS.Timeout | null = setTimeout(tryOnce, 0);

  function again(reason: string): void {
    attempt = null;
    if (closed) return;
    options.onFailedAttempt?.(reason);
    // Half fixed, half random: peers that lost the same server do not come back in one moment.
    const delayMs = backoffMs * (0.5 + Math.random() / 2);
    backoffMs = Math.min(options.backoffMaxMs, backoffMs * 2);
    timer = setTimeout(tryOnce, delayMs);
  }

  function tryOnce(): void {
    timer = null;
    const address = options.address();
    if (address === null) return again("the address is not known");
    let settled = false;
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    const startedAtMs = monotonicMs();
    const connectTimer = setTimeout(() => fail(`no connection to ${address.host}:${address.port} in time`), options.connectTimeoutMs);

    function fail(reason: string): void {
      if (settled) return;
      settled = true;
      clearTimeout(connectTimer);
      socket.destroy();
      again(reason);
    }

    attempt = { close: () => fail("closed here") };
    socket.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.once("connect", () => {
      if (settled) return;
      settled = true;
      clearTimeout(connectTimer);
      attempt = openConnection(socket, {
        ...options,
        helloTimeoutMs: Math.max(1, options.connectTimeoutMs - (monotonicMs() - startedAtMs)),
        onOpen,
        onClose,
        onEnd: again,
      });
    });
  }

  function onOpen(opened: Connection): void {
    connection = opened;
    openedAtMs = monotonicMs();
    options.onOpen(opened);
  }

  function onClose(ended: Connection, reason: string): void {
    connection = null;
    // A peer that takes us and throws us out at once is not asked in a tight loop.
    if (monotonicMs() - openedAtMs > options.backoffMaxMs) backoffMs = options.backoffMinMs;
    options.onClose(ended, reason);
  }

  return {
    get connection() {
      return connection;
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      attempt?.close();
    },
  };
}
