import type { Socket } from "node:net";
import { createFrameSplitter, PREAMBLE, splitFrames } from "../codec/frame.js";
import { decodeMessage, encodeFrame } from "../codec/message.js";
import type { GroupName } from "../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../vocabulary/limit.js";
import type { Hello, Message } from "../vocabulary/message.js";
import { createLogger } from "./log.js";

/** A peer that reads this much too slowly is cut off, so that it cannot fill our memory. */
export const BUFFERED_BYTES_MAX = 64 * 1024 * 1024;
/** How long a peer may take for its hello. */
export const HELLO_TIMEOUT_MS = 2_000;
/** How long a closing socket may take to send what is left (the goodbye) before it is destroyed. */
const CLOSE_TIMEOUT_MS = 1_000;
/** Below this size one joined write is cheaper than several buffers. */
const JOINED_BYTES_MAX = 32 * 1024;

/** An open connection: both sides have said hello and accepted each other. */
export interface Connection {
  /** Unique in this process. */
  readonly id: number;
  readonly peer: Hello;
  /**
   * Messages of one turn are written with one write. What is sent to a closed connection is dropped. `onTaken`: the kernel has the bytes and
   * their memory may be used again; not called where they were dropped.
   */
  send(message: Message, onTaken?: () => void): void;
  /** Sent, but not yet taken by the kernel. */
  readonly bufferedBytes: number;
  /** Tells the peer `reason`, if given, then closes. `onClose` follows. */
  close(reason?: string): void;
}

export interface ConnectionEvents {
  hello(): Hello;
  /** Why this peer is not taken, worded for its operator, or null. */
  accepts(peer: Hello): string | null;
  onOpen(connection: Connection): void;
  onMessage(connection: Connection, message: Message): void;
  /** Once for each `onOpen`. `reason`: the peer's goodbye, or what ended the connection here. */
  onClose(connection: Connection, reason: string): void;
}

export interface OpenOptions extends ConnectionEvents {
  readonly helloTimeoutMs: number;
  readonly bufferedBytesMax?: number;
  /** Once, whether the connection was open or not. */
  onEnd(reason: string, wasOpen: boolean): void;
}

let lastId = 0;

/** Takes a connected socket through the hellos and serves it. Both sides speak first: nobody waits. */
export function openConnection(socket: Socket, options: OpenOptions): { close(reason?: string): void } {
  const splitter = createFrameSplitter();
  const own = options.hello();
  let group: GroupName | null = own.group;
  let connection: Connection | null = null;
  let ended = false;
  let endReason: string | null = null;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let onTakens: (() => void)[] = [];
  let flushing = false;

  socket.setNoDelay(true);
  const helloTimer = setTimeout(() => close("no hello came in time"), options.helloTimeoutMs);
  socket.on("data", onData);
  socket.on("error", (error: NodeJS.ErrnoException) => {
    endReason ??= error.code ?? error.message;
  });
  socket.on("end", () => {
    endReason ??= "the peer closed the connection";
  });
  socket.on("close", onClosed);
  pending.push(PREAMBLE);
  send(own);

  function send(message: Message, onTaken?: () => void): void {
    if (ended || socket.destroyed || !socket.writable) return;
    let sizeBytes = 0;
    for (const chunk of encodeFrame(message, group)) {
      pending.push(chunk);
      sizeBytes += chunk.length;
    }
    pendingBytes += sizeBytes;
    if (onTaken !== undefined) onTakens.push(onTaken);
    if (pendingBytes + socket.writableLength > (options.bufferedBytesMax ?? BUFFERED_BYTES_MAX)) return overflow();
    if (flushing) return;
    flushing = true;
    process.nextTick(flush);
  }

  function flush(): void {
    flushing = false;
    if (pending.length === 0 || !socket.writable) return;
    const chunks = pending;
    const taken = callbackOf(onTakens);
    pending = [];
    onTakens = [];
    if (pendingBytes <= JOINED_BYTES_MAX)
      socket.write(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks), taken);
    else {
      socket.cork();
      for (const [at, chunk] of chunks.entries()) socket.write(chunk, at === chunks.length - 1 ? taken : undefined);
      socket.uncork();
    }
    pendingBytes = 0;
  }

  function overflow(): void {
    const reason = `the peer does not read: ${pendingBytes + socket.writableLength} bytes wait for it`;
    createLogger("connection").warn({ peer: connection?.peer }, reason);
    pending = [];
    onTakens = [];
    pendingBytes = 0;
    endReason ??= reason;
    socket.destroy();
  }

  function onData(bytes: Buffer): void {
    if (ended) return;
    const failure = splitFrames(splitter, bytes, onFrame);
    if (failure !== null) close(failure);
  }

  function onFrame(body: Uint8Array): void {
    if (ended) return;
    const decoded = decodeMessage(body, group);
    if (!decoded.ok) return close(`what came cannot be understood: ${decoded.reason}`);
    const { message } = decoded;
    if (message.kind === "goodbye") {
      endReason ??= message.reason;
      return close();
    }
    if (connection !== null) {
      if (message.kind === "hello") return close("a second hello");
      options.onMessage(connection, message);
    } else if (message.kind === "hello") onHello(message);
    else close("the first message must be a hello");
  }

  function onHello(peer: Hello): void {
    clearTimeout(helloTimer);
    const refusal =
      peer.protocolVersion === PROTOCOL_VERSION
        ? options.accepts(peer)
        : `protocol version ${peer.protocolVersion} meets version ${PROTOCOL_VERSION}: run the same release on both sides`;
    if (refusal !== null) return close(refusal);
    group ??= peer.group;
    lastId += 1;
    connection = {
      id: lastId,
      peer,
      send,
      get bufferedBytes() {
        return pendingBytes + socket.writableLength;
      },
      close,
    };
    options.onOpen(connection);
  }

  function close(reason?: string): void {
    if (ended) return;
    if (reason !== undefined) send({ kind: "goodbye", reason });
    flush();
    ended = true;
    endReason ??= reason ?? "closed here";
    clearTimeout(helloTimer);
    socket.end();
    // The goodbye gets a moment to leave; a peer that does not close is cut off.
    socket.resume();
    const closeTimer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
    closeTimer.unref();
    socket.once("close", () => clearTimeout(closeTimer));
    // To the caller the connection is closed now: no more messages, and a dialer may start anew.
    setImmediate(finish);
  }

  function onClosed(): void {
    ended = true;
    clearTimeout(helloTimer);
    finish();
  }

  let finished = false;
  function finish(): void {
    if (finished) return;
    finished = true;
    const reason = endReason ?? "the connection was closed";
    if (connection !== null) options.onClose(connection, reason);
    options.onEnd(reason, connection !== null);
  }

  return { close };
}

function callbackOf(onTakens: readonly (() => void)[]): ((error?: Error | null) => void) | undefined {
  if (onTakens.length === 0) return undefined;
  return (error) => {
    // After an error of the socket nothing is known of its writes.
    if (error == null) for (const onTaken of onTakens) onTaken();
  };
}
