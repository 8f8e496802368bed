import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { PREAMBLE } from "../codec/frame.js";
import { encodeFrame } from "../codec/message.js";
import { bootId, clusterId, groupName } from "../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../vocabulary/limit.js";
import type { Hello, Message } from "../vocabulary/message.js";
import type { Connection } from "./connection.js";
import { dial, type DialOptions } from "./dialer.js";
import { listen, type ListenOptions, type Listener } from "./listener.js";

const hello = (): Hello => ({
  kind: "hello",
  protocolVersion: PROTOCOL_VERSION,
  clusterId: clusterId("c"),
  role: "server",
  bootId: bootId("b"),
  group: groupName("bank"),
  replica: null,
  incarnation: null,
  hostId: null,
});

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: Partial<ListenOptions>): Promise<Listener> {
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    connectionsMax: 10,
    hello,
    accepts: () => null,
    onOpen: () => {},
    onMessage: () => {},
    onClose: () => {},
    ...options,
  });
  ends.push(() => listener.close());
  return listener;
}

function startDialing(listener: Listener | null, options: Partial<DialOptions>): ReturnType<typeof dial> {
  const dialer = dial({
    address: () => listener?.address ?? null,
    hello,
    accepts: () => null,
    onOpen: () => {},
    onMessage: () => {},
    onClose: () => {},
    backoffMinMs: 5,
    backoffMaxMs: 20,
    connectTimeoutMs: 1000,
    ...options,
  });
  ends.push(() => dialer.close());
  return dialer;
}

/** A promise and what fulfils it. */
function expected<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function rawSocket(listener: Listener): Socket {
  const socket = connect(listener.address.port, "127.0.0.1");
  socket.on("error", () => {});
  ends.push(() => socket.destroy());
  return socket;
}

describe("connections", () => {
  it("carry messages both ways, in order", async () => {
    const got: number[] = [];
    const all = expected<void>();
    const listener = await start({ onMessage: (connection, message) => connection.send(message) });
    startDialing(listener, {
      onOpen: (connection) => {
        for (let sequence = 0; sequence < 100; sequence++) connection.send({ kind: "heartbeat", sequence });
      },
      onMessage: (_connection, message) => {
        if (message.kind === "heartbeat") got.push(message.sequence);
        if (got.length === 100) all.resolve();
      },
    });
    await all.promise;
    expect(got).toEqual(Array.from({ length: 100 }, (_, at) => at));
  });

  it("say when the memory of a message may be used again, and not of one that was dropped", async () => {
    const taken = expected<void>();
    const closed = expected<void>();
    const sizes: number[] = [];
    const listener = await start({
      onMessage: (_connection, message) => {
        if (message.kind === "query") sizes.push(message.input.length, message.input.at(-1) ?? 0);
        if (sizes.length === 2) closed.resolve();
      },
    });
    startDialing(listener, {
      onOpen: (connection) => {
        const input = new Uint8Array(1_000_000).fill(7);
        connection.send({ kind: "query", ticket: 1, query: "all", consistency: "linearizable", atLeastIndex: 0, input }, () => {
          input.fill(9);
          taken.resolve();
          connection.close();
          connection.send({ kind: "heartbeat", sequence: 1 }, () => expect.unreachable());
        });
      },
    });
    await taken.promise;
    await closed.promise;
    expect(sizes).toEqual([1_000_000, 7]);
  });

  it("a refused peer is told why, and goes on trying", async () => {
    const reasons: string[] = [];
    const twice = expected<void>();
    const listener = await start({ accepts: () => "this is another cluster" });
    startDialing(listener, {
      onClose: (_connection, reason) => {
        reasons.push(reason);
        if (reasons.length === 2) twice.resolve();
      },
    });
    await twice.promise;
    expect(reasons).toEqual(["this is another cluster", "this is another cluster"]);
  });

  it("the goodbye's reason surfaces at the other side", async () => {
    const closed = expected<string>();
    const listener = await start({ onOpen: (connection) => connection.close("moving house") });
    startDialing(listener, { onClose: (_connection, reason) => closed.resolve(reason) });
    expect(await closed.promise).toBe("moving house");
  });

  it("dials again when the listener is back", async () => {
    let opens = 0;
    const first = expected<void>();
    const second = expected<void>();
    let listener = await start({});
    const { port } = listener.address;
    startDialing(listener, {
      onOpen: () => {
        opens += 1;
        (opens === 1 ? first : second).resolve();
      },
    });
    await first.promise;
    await listener.close();
    listener = await start({ port });
    await second.promise;
    expect(opens).toBe(2);
  });

  it("no hello in time, garbage and a first message that is no hello end the connection", async () => {
    const listener = await start({ helloTimeoutMs: 30 });
    const others: readonly Uint8Array[] = [
      new Uint8Array(0),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.concat([PREAMBLE, ...encodeFrame({ kind: "heartbeat", sequence: 1 }, null)]),
      Buffer.concat([PREAMBLE, Buffer.from([255, 255, 255, 255])]),
    ];
    for (const bytes of others) {
      const socket = rawSocket(listener);
      const ended = expected<void>();
      socket.on("data", () => {});
      socket.on("close", () => ended.resolve());
      if (bytes.length > 0) socket.write(bytes);
      await ended.promise;
    }
  });

  it("one caller too many gets a goodbye", async () => {
    const opened = expected<void>();
    const refused = expected<string>();
    const listener = await start({ connectionsMax: 1 });
    startDialing(listener, { onOpen: () => opened.resolve() });
    await opened.promise;
    startDialing(listener, { onClose: (_connection, reason) => refused.resolve(reason) });
    expect(await refused.promise).toContain("limit");
  });

  it("a peer that does not read is cut off at the bound", async () => {
    const cut = expected<string>();
    const listener = await start({
      bufferedBytesMax: 1_000_000,
      onOpen: (connection) => fill(connection),
      onClose: (_connection, reason) => cut.resolve(reason),
    });
    let open = true;
    function fill(connection: Connection): void {
      const bytes = new Uint8Array(100_000);
      const message: Message = { kind: "reply", ticket: 1, index: 1, epoch: [1, 1], reply: { refused: false, bytes } };
      const more = (): void => {
        connection.send(message);
        expect(connection.bufferedBytes).toBeLessThan(1_200_000);
        if (open) setImmediate(more);
      };
      more();
    }
    const socket = rawSocket(listener);
    socket.pause();
    socket.write(Buffer.concat([PREAMBLE, ...encodeFrame(hello(), null)]));
    expect(await cut.promise).toContain("does not read");
    open = false;
  });

  it("a listener that accepts and says nothing is given up after the time-out", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    ends.push(() => silent.close());
    const bound = silent.address();
    const failed = expected<string>();
    startDialing(null, {
      address: () => ({ host: "127.0.0.1", port: typeof bound === "object" && bound !== null ? bound.port : 0 }),
      connectTimeoutMs: 30,
      onFailedAttempt: (reason) => failed.resolve(reason),
    });
    expect(await failed.promise).toContain("hello");
  });
});
