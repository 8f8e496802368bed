import { mkdtemp, open, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { connect } from "../connect.js";
import { createGroupClient, type GroupClient } from "./group-client.js";
import { CLUSTER_ID, GROUP, type LoopbackGroup, loopbackGroup } from "./loopback.test-kit.js";

type Service = {
  readonly operations: { add(state: object, by: number): number };
  readonly queries: { get(state: object): number };
};

let group: LoopbackGroup;
let gateway: Server;
let url = "";
let folder = "";

beforeEach(async () => {
  group = await loopbackGroup();
  folder = await mkdtemp(join(tmpdir(), "client-"));
  gateway = createServer((_, response) =>
    response.end(
      JSON.stringify({ clusterId: CLUSTER_ID, group: GROUP, view: null, book: group.book(), operations: ["add"], queries: ["get"] }),
    ),
  );
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  const address = gateway.address();
  url = `troupe://127.0.0.1:1,127.0.0.1:${typeof address === "object" ? address?.port : 0}/${GROUP}`;
});

afterEach(async () => {
  gateway.close();
  await group.close();
  await rm(folder, { recursive: true });
});

it("finds the group at the second address, and calls with types", async () => {
  const client = await connect<Service>(url);
  expect(await client.add(5)).toBe(1);
  expect(await client.get()).toBe(1);
  expect(await client.get.with({ consistency: "any", timeoutMs: 1_000 })()).toBe(1);
  expect(await client.recovered).toEqual([]);
  await client.close();
});

it("refuses options that make no sense, at once", async () => {
  const wrong = { code: "bad-request", outcome: "not-executed" };
  await expect(connect<Service>(url, { timeoutMs: -5 })).rejects.toMatchObject(wrong);
  await expect(connect<Service>(url, { consistency: "strong" as never })).rejects.toMatchObject(wrong);
  await expect(connect<Service>(url, { timeoutMS: 5 } as never)).rejects.toMatchObject({
    ...wrong,
    message: expect.stringMatching(/timeoutMS/),
  });
  await expect(connect<Service>(url, { session: "client.session" } as never)).rejects.toMatchObject(wrong);
  await expect(connect<Service>(url, { session: {} } as never)).rejects.toMatchObject(wrong);
  const client = await connect<Service>(url);
  await expect(client.add.with({ key: "k" } as never)(1)).rejects.toMatchObject({ ...wrong, message: expect.stringMatching(/key/) });
  await expect(client.get.with({ consistency: "strong" as never })()).rejects.toMatchObject(wrong);
  await expect(client.add.with({ timeoutMs: Number.NaN })(1)).rejects.toMatchObject(wrong);
  // It would be put behind the clock's digits.
  await expect(client.add.with({ timeoutMs: "500" as never })(1)).rejects.toMatchObject(wrong);
  expect(await client.add(5)).toBe(1);
  await client.close();
});

it("refuses an input that would arrive as something else, at once, and nothing is sent", async () => {
  const client = await connect<Service>(url);
  const wrong = { code: "invalid-input", outcome: "not-executed" };
  await expect(client.add("half \ud83d" as never)).rejects.toMatchObject({
    ...wrong,
    message: expect.stringMatching(/half of a surrogate pair/),
  });
  await expect((client.get.with({}) as (input: unknown) => Promise<number>)({ when: Promise.resolve(1) })).rejects.toMatchObject({
    ...wrong,
    message: expect.stringMatching(/awaited/),
  });
  expect(group.executed.size).toBe(0);
  await client.close();
});

it("S6d: a leader that dies costs its clients nothing but time, and nothing is executed twice", async () => {
  const client = await connect<Service>(url);
  await client.add(1);
  group.mute = true;
  const open = [client.add(1), client.add(1), client.add(1)];
  while (group.executed.size < 4) await new Promise((resolve) => setImmediate(resolve));
  const views: number[] = [];
  client.on("view", (view) => views.push(view.epoch[1]));
  group.mute = false;
  group.leader = 2;
  group.counter = 2;
  await group.servers[0]?.close();
  group.announce();
  expect(await Promise.all(open)).toEqual([2, 3, 4]);
  expect(group.executed.size).toBe(4);
  expect(views).toEqual([1, 2]);
  await client.close();
});

it("a time-out is an error with an unknown outcome", async () => {
  const client = await connect<Service>(url);
  await client.add(1);
  group.mute = true;
  await expect(client.add.with({ timeoutMs: 1_000 })(1)).rejects.toMatchObject({
    name: "TroupeError",
    code: "timeout",
    outcome: "unknown",
  });
  await client.close();
});

it("S6f: a client that comes back with its file finishes what was open", async () => {
  const session = { file: join(folder, "client.session") };
  const first = await connect<Service>(url, { session });
  await first.add(1);
  group.mute = true;
  const lost = expect(first.add(1)).rejects.toMatchObject({ outcome: "unknown" });
  while (group.executed.size < 2) await new Promise((resolve) => setImmediate(resolve));
  await first.close();
  await lost;
  group.mute = false;
  const second = await connect<Service>(url, { session });
  expect(await second.recovered).toEqual([{ operation: "add", sequence: 2, result: 2 }]);
  expect(await second.add(1)).toBe(3);
  await second.close();
});

it("a call that is made while the client closes is refused: its caller does not wait for ever", async () => {
  const client = await connect<Service>(url);
  await client.add(1);
  const closing = client.close();
  await new Promise((resolve) => setImmediate(resolve));
  await expect(client.get()).rejects.toMatchObject({ code: "unavailable", outcome: "not-executed" });
  await closing;
});

it("finds the group again at its second address while the first goes on answering with what was true before", async () => {
  const stale = createServer((_, response) =>
    response.end(
      JSON.stringify({
        clusterId: CLUSTER_ID,
        group: GROUP,
        view: null,
        book: { version: [0, 1], entries: [] },
        operations: ["add"],
        queries: ["get"],
      }),
    ),
  );
  await new Promise<void>((resolve) => stale.listen(0, "127.0.0.1", resolve));
  const address = stale.address();
  const port = typeof address === "object" ? address?.port : 0;
  const client = await connect<Service>(url.replace("127.0.0.1:1,", `127.0.0.1:${port},`));
  expect(await client.add.with({ timeoutMs: 20_000 })(5)).toBe(1);
  await client.close();
  stale.close();
});

/** A client whose session file notes in `order` what it is told. */
function clientWithFile(order: string[], durable: () => Promise<boolean>): GroupClient {
  const client: GroupClient = createGroupClient({
    role: "client",
    clusterId: CLUSTER_ID,
    group: GROUP,
    discover: async () => null,
    sessionFile: {
      saved: null,
      saveSession: () => {},
      saveRequest: (session, sequence) => client.saved(session, sequence),
      saveSettled: () => void order.push("end written"),
      durable,
      close: async () => {},
    },
  });
  client.learn(null, group.book());
  return client;
}

it.each([
  [true, "not-executed"],
  [false, "unknown"],
])("S6h: what the session file holds was not executed only once its end is on the disk: %s", async (durable, outcome) => {
  let finish = (_: boolean): void => {};
  const order: string[] = [];
  const client = clientWithFile(order, () => {
    order.push("waits for the disk");
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  group.full = true;
  const told = client.operate("add", new Uint8Array(), { timeoutMs: 5_000 }).then((end) => {
    order.push("told");
    return end;
  });
  while (order.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual(["end written", "waits for the disk"]);
  finish(durable);
  // As the client does whose file says that it cannot be written.
  if (!durable) void client.close("The disk is full");
  expect(await told).toMatchObject({ kind: "failed", outcome });
  await client.close();
});

it("S6f: the session file hears of an end once the program has done what it does at once with it", async () => {
  const order: string[] = [];
  const client = clientWithFile(order, async () => true);
  await client.operate("add", new Uint8Array(), { timeoutMs: 5_000 });
  // A program of some layers.
  for (let layer = 0; layer < 20; layer++) await Promise.resolve();
  order.push("known");
  while (order.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual(["known", "end written"]);
  await client.close();
});

it("what a listener throws is an uncaught exception of its own, and no end of the client", async () => {
  const client = await connect<Service>(url);
  expect(await client.add(1)).toBe(1);
  const others = process.listeners("uncaughtException");
  const caught: Error[] = [];
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => void caught.push(error));
  let views = 0;
  client.on("view", () => {
    views += 1;
    if (views > 1) throw new Error("theirs");
  });
  group.leader = 2;
  group.counter = 2;
  group.announce();
  while (views < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(await client.add(1)).toBe(2);
  process.removeAllListeners("uncaughtException");
  for (const listener of others) process.on("uncaughtException", listener);
  expect(caught.map((error) => error.message)).toEqual(["theirs"]);
  await client.close();
});

it("an input that cannot be sent is refused before it is", async () => {
  const client = await connect<Service>(url);
  const wrong: unknown = () => 1;
  await expect(client.add(wrong as number)).rejects.toMatchObject({ code: "invalid-input", outcome: "not-executed" });
  await client.close();
});

it("no address that answers is said in words", async () => {
  await expect(connect(`troupe://127.0.0.1:1/${GROUP}`)).rejects.toThrow(/could not be found at 127.0.0.1:1.*troupe up/);
});

it("as many bytes as it may hold go to the leader at once, and the connection bears it", async () => {
  const client = createGroupClient({ role: "client", clusterId: CLUSTER_ID, group: GROUP, discover: async () => null });
  client.learn(null, group.book());
  const closed: string[] = [];
  for (const server of group.servers) server.onClose = (reason) => void closed.push(reason);
  const input = new Uint8Array(4 * 1024 * 1024);
  const ends = await Promise.all(Array.from({ length: 16 }, () => client.operate("add", input, { timeoutMs: 20_000 })));
  expect(ends.map((end) => end.kind)).toEqual(ends.map(() => "answered"));
  expect(closed).toEqual([]);
  await client.close();
});

it("an address where another system or another program answers is passed over for the next", async () => {
  const answers = [
    [404, { error: { code: "unknown-group", message: "There is no such group.", outcome: "not-executed" } }],
    [404, "<html>Not found</html>"],
    [200, { clusterId: CLUSTER_ID, group: "other", view: null, book: group.book(), operations: ["add"], queries: ["get"] }],
  ] as const;
  let answer: (typeof answers)[number] = answers[0];
  const other = createServer((_, response) => response.writeHead(answer[0]).end(JSON.stringify(answer[1])));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const host = `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  for (const each of answers) {
    answer = each;
    const client = await connect<Service>(url.replace("127.0.0.1:1,", `${host},`));
    expect(await client.get()).toBe(0);
    await client.close();
  }
  const codes: string[] = [];
  for (const each of answers) {
    answer = each;
    await connect(`troupe://${host},127.0.0.1:1/${GROUP}`).catch((error: { code: string }) => codes.push(error.code));
  }
  // That there is no such group is said only where somebody has said so.
  expect(codes).toEqual(["unknown-group", "unavailable", "unavailable"]);
  other.removeAllListeners("request");
  const refusal = {
    error: { code: "bad-request", message: 'The Host "elsewhere" is not one of this gateway\'s.', outcome: "not-executed" },
  };
  other.on("request", (_, response) => response.writeHead(400).end(JSON.stringify(refusal)));
  await expect(connect(`troupe://${host}/${GROUP}`)).rejects.toThrow(/could not be found at .*: The Host "elsewhere" is not one of this/);
  other.close();
});

it("S6f: a session file that cannot be written ends the client, and every caller hears why", async () => {
  const file = join(folder, "client.session");
  const client = await connect<Service>(url, { session: { file } });
  expect(await client.add(1)).toBe(1);
  const probe = await open(file);
  const kind = Object.getPrototypeOf(probe) as typeof probe;
  await probe.close();
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const closing = vi.fn(() => Promise.reject(full));
  vi.spyOn(kind, "appendFile").mockImplementationOnce(function (this: typeof probe) {
    Object.assign(this, { close: closing });
    return Promise.reject(full);
  });
  const why = expect.stringMatching(/client\.session cannot be written \(ENOSPC.*client was closed/);
  await expect(client.add(1)).rejects.toMatchObject({ outcome: "unknown", message: why });
  await expect(client.add(1)).rejects.toMatchObject({ code: "unavailable", outcome: "not-executed", message: why });
  await client.close();
  expect(closing).toHaveBeenCalled();
  vi.restoreAllMocks();
  expect(group.executed.size).toBe(1);
  const again = await connect<Service>(url, { session: { file } });
  expect(await again.get()).toBe(1);
  await again.close();
});

it("hears that another system has taken the place of its own", async () => {
  let system: string = CLUSTER_ID;
  const moved = createServer((_, response) =>
    response.end(
      JSON.stringify({ clusterId: system, group: GROUP, view: null, book: group.book(), operations: ["add"], queries: ["get"] }),
    ),
  );
  await new Promise<void>((resolve) => moved.listen(0, "127.0.0.1", resolve));
  const address = moved.address();
  const client = await connect<Service>(`troupe://127.0.0.1:${typeof address === "object" ? address?.port : 0}/${GROUP}`);
  expect(await client.add(1)).toBe(1);
  system = "f".repeat(32);
  for (const server of group.servers) await server.close();
  await expect(client.add.with({ timeoutMs: 4_000 })(1)).rejects.toMatchObject({
    outcome: expect.stringMatching(/not-executed|unknown/),
    message: expect.stringMatching(/another system answers in its place.*connect anew/),
  });
  await client.close();
  moved.close();
});

it("a bug of its own ends the client and what is open, and whoever runs it is told", async () => {
  const found: unknown = { view: null, book: "no book" };
  let told: (error: unknown) => void = () => {};
  const broken = new Promise<unknown>((resolve) => {
    told = resolve;
  });
  const client = createGroupClient({
    role: "gateway",
    clusterId: CLUSTER_ID,
    group: GROUP,
    discover: async () => found as null,
    onBroken: (error) => told(error),
  });
  const open = client.operate("add", new Uint8Array(), { timeoutMs: 20_000 });
  expect(await broken).toBeInstanceOf(Error);
  expect(await open).toMatchObject({ kind: "failed", outcome: "unknown" });
  expect(await client.query("get", new Uint8Array(), "any", 1_000)).toMatchObject({ kind: "failed", outcome: "not-executed" });
  await client.close();
});
