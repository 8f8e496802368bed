import { connect, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { TIMEOUT_MS_MAX } from "../http/work.js";
import { type HttpOptions, type HttpServer, listenHttp } from "./http-server.js";

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function start(fetch: HttpOptions["fetch"], more: Partial<HttpOptions> = {}): Promise<HttpServer> {
  const listening = await listenHttp({ fetch, host: "127.0.0.1", port: 0, ...more });
  ends.push(() => listening.server.close());
  return listening;
}

function ask(port: number): Socket {
  const caller = connect(port, "127.0.0.1");
  caller.on("error", () => {});
  caller.write("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  ends.push(() => caller.destroy());
  return caller;
}

// More than the kernel takes for a peer that does not read.
const PIECE = new Uint8Array(1024 * 1024);

function endlessBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(PIECE) });
}

it.each([
  ["whole", () => "x".repeat(64 * PIECE.length)],
  ["a stream", endlessBody],
])("a caller that never reads its answer (%s) holds its connection and the answer no longer", async (_, body) => {
  const { server, port } = await start(() => new Response(body()), { silenceTimeoutMs: 100 });
  const ended = new Promise<void>((resolve) => {
    server.once("connection", (socket: Socket) => {
      socket.once("close", resolve);
    });
  });
  ask(port).pause();
  await ended;
});

it("a caller may wait for its answer as long as it may ask for", async () => {
  const { server } = await start(() => new Response("in time"));
  expect(server.timeout).toBeGreaterThan(TIMEOUT_MS_MAX);
});

it("callers for whom there is no descriptor, time and again, end nobody else", async () => {
  const { server, port } = await start(() => new Response("here"));
  for (let times = 0; times < 3; times += 1) server.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }));
  const answer = await new Promise<string>((resolve) => {
    ask(port).once("data", (bytes) => resolve(bytes.toString()));
  });
  expect(answer).toContain("200 OK");
});

it("a port that is taken is said in words", async () => {
  const { port } = await start(() => new Response());
  await expect(start(() => new Response(), { port })).rejects.toThrow(/port \d+ is taken by another program; choose one with --port/);
});
