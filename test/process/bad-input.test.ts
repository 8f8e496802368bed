import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "troupe/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PREAMBLE } from "../../src/codec/frame.js";
import { encodeFrame } from "../../src/codec/message.js";
import { readAddress } from "../../src/runtime/address-file.js";
import { bootId, clusterId } from "../../src/vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../src/vocabulary/limit.js";
import type { Hello } from "../../src/vocabulary/message.js";
import type trial from "./services/trial.js";
import { troupe } from "./harness/command.js";
import { type Installation, rolesOf, startInstallation, untilWhole } from "./harness/installation.js";
import { type KnownProcess, processesOf } from "./harness/process-table.js";
import { sayHello, sendRaw } from "./harness/raw-peer.js";

/** A running system that is given what it should never get. It answers in words, and nothing else of it changes. */
let at: Installation;
let before: readonly KnownProcess[];
let epoch: string;

beforeAll(async () => {
  at = await startInstallation({ style: "warm-passive" });
  epoch = (await rolesOf(at)).epoch;
  before = processesOf(at.dir);
});

afterAll(async () => {
  await at.dispose(false);
});

/** The same processes, the same view, and an answer. */
async function untouched(): Promise<void> {
  expect(processesOf(at.dir)).toEqual(before);
  await untilWhole(at);
  expect((await rolesOf(at)).epoch).toBe(epoch);
  const { status } = await post("operations/add", "1", { "idempotency-key": `k${Math.random()}` });
  expect(status).toBe(200);
}

async function post(path: string, body: string, headers: Record<string, string> = {}): Promise<{ status: number; body: ErrorBody }> {
  const response = await fetch(`${at.url}/v1/groups/${at.group}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as ErrorBody };
}

interface ErrorBody {
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly outcome: string };
}

async function serverPort(): Promise<number> {
  const response = await fetch(`${at.url}/v1/groups/${at.group}/members`);
  const { book } = (await response.json()) as { book: { entries: { address: { port: number } }[] } };
  const port = book.entries[0]?.address.port;
  if (port === undefined) throw new Error("no server in the book");
  return port;
}

const listeners: readonly { readonly name: string; port(): Promise<number> }[] = [
  { name: "a server", port: serverPort },
  ...["lfd", "gfd", "rm"].map((name) => ({ name, port: async () => readAddress(at.dir, name)?.port ?? 0 })),
];

function helloWith(changes: Partial<Hello>): Hello {
  const config: { clusterId: string } = JSON.parse(readFileSync(join(at.dir, "config.json"), "utf8"));
  return {
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId: clusterId(config.clusterId),
    role: "client",
    bootId: bootId("b".repeat(32)),
    group: null,
    replica: null,
    incarnation: null,
    hostId: null,
    ...changes,
  };
}

function frame(sizeBytes: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(sizeBytes);
  return Buffer.concat([head, body]);
}

describe.each(listeners)("$name closes the connection, and goes on, when it gets", ({ port }) => {
  it.each([
    { what: "something else than the protocol", pieces: () => [Buffer.from("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")] },
    { what: "a frame that is no message", pieces: () => [PREAMBLE, frame(64, Buffer.alloc(64, 0xa5))] },
    { what: "a frame longer than the limit", pieces: () => [PREAMBLE, frame(0xffff_ffff, Buffer.alloc(16))] },
    { what: "a frame of no length", pieces: () => [PREAMBLE, frame(0, new Uint8Array(0))] },
    { what: "a hello and then noise", pieces: () => [PREAMBLE, ...encodeFrame(helloWith({}), null), frame(32, Buffer.alloc(32, 0xff))] },
  ])("$what", async ({ pieces }) => {
    expect((await sendRaw(await port(), pieces())).closed).toBe(true);
    await untouched();
  });

  it("a hello of another system", async () => {
    expect(await sayHello(await port(), helloWith({ clusterId: clusterId("c".repeat(32)) }))).toMatch(/belongs to|another|other|system/);
    await untouched();
  });

  it("a hello of another version", async () => {
    expect(await sayHello(await port(), helloWith({ protocolVersion: PROTOCOL_VERSION + 1 }))).toMatch(/version .*run the same release/);
    await untouched();
  });
});

it("whoever begins and does not go on is given two seconds for its hello", async () => {
  const hello = Buffer.concat(encodeFrame(helloWith({}), null));
  const beginnings = [[PREAMBLE, frame(1_000, Buffer.alloc(10))], [PREAMBLE, hello.subarray(0, hello.length - 7)], [new Uint8Array(0)]];
  const answers = await Promise.all(
    listeners.flatMap(({ port }) => beginnings.map(async (pieces) => (await sendRaw(await port(), pieces)).closed)),
  );
  expect(answers).toEqual(answers.map(() => true));
  await untouched();
});

describe("over HTTP, in words and without a trace:", () => {
  it("an unknown group", async () => {
    const response = await fetch(`${at.url}/v1/groups/nobody/queries/total`, {
      method: "POST",
      headers: { "content-type": "application/json" },
    });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: { code: "unknown-group", outcome: "not-executed", message: expect.stringMatching(/nobody/) },
    });
    await untouched();
  });

  it("an unknown operation, and a query called as an operation", async () => {
    const unknown = await post("operations/fly", "1");
    expect([unknown.status, unknown.body.error?.code]).toEqual([404, "unknown-operation"]);
    expect(unknown.body.error?.message).toContain("There are: ");
    const query = await post("operations/total", "");
    expect([query.status, query.body.error?.message]).toEqual([404, expect.stringContaining("queries/total")]);
    await untouched();
  });

  it("invalid JSON", async () => {
    const { status, body } = await post("operations/add", "{not json");
    expect([status, body.error?.code, body.error?.outcome]).toEqual([400, "bad-request", "not-executed"]);
    await untouched();
  });

  it("a body that is too large", async () => {
    const { status, body } = await post("operations/add", JSON.stringify("x".repeat(9 * 1024 * 1024)));
    expect([status, body.error?.code]).toEqual([400, "too-large"]);
    await untouched();
  });

  it("keys such as __proto__ are keys like any other", async () => {
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"]) {
      expect((await post("queries/get", JSON.stringify(key))).body.result).toBeNull();
      await post("operations/put", JSON.stringify({ key, value: `value of ${key}` }));
      expect((await post("queries/get", JSON.stringify(key))).body.result).toBe(`value of ${key}`);
    }
    const polluting = await post(
      "operations/put",
      '{"key":"k","value":"v","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    );
    expect([200, 400, 422]).toContain(polluting.status);
    expect((await post("queries/get", '"polluted"')).body.result).toBeNull();
    await untouched();
  });

  it("a foreign Origin, and a foreign Host", async () => {
    const { status, body } = await post("operations/add", "1", { origin: "http://evil.example" });
    expect([status, body.error?.message]).toEqual([400, expect.stringContaining("foreign")]);
    const raw = await sendRaw(at.port, [
      Buffer.from(
        "POST /v1/groups/trial/operations/add HTTP/1.1\r\nhost: evil.example\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 1\r\n\r\n1",
      ),
    ]);
    expect(raw.bytes.toString()).toMatch(/^HTTP\/1.1 400[\s\S]*evil\.example[\s\S]*not one of this gateway's/);
    await untouched();
  });

  it("what the service refuses, in the service's own words: code, message and details", async () => {
    await post("operations/open", '{"account":"poor","balance":3}');
    const { status, body } = await post("operations/transfer", '{"from":"poor","to":"poor","amount":4}');
    expect([status, body.error]).toEqual([
      422,
      { code: "insufficient-funds", message: expect.stringContaining("poor has 3"), outcome: "refused", details: { available: 3 } },
    ]);
    expect((await post("queries/balance", '"nobody"')).body.error).toMatchObject({ code: "unknown-account", outcome: "refused" });
    await untouched();
  });

  it("a form, as a page in a browser would send it", async () => {
    const { status, body } = await post("operations/add", "1", { "content-type": "text/plain" });
    expect([status, body.error?.message]).toEqual([400, expect.stringContaining("application/json")]);
    await untouched();
  });

  it("changes that make no sense", async () => {
    for (const [path, change] of [
      [`groups/${at.group}`, { replicas: 0 }],
      [`groups/${at.group}`, { replicas: 99 }],
      [`groups/${at.group}`, { colour: "red" }],
      [`groups/${at.group}`, {}],
      ["groups/nobody", { replicas: 3 }],
      ["detectors/lfd", { heartbeatIntervalMs: 100, suspicionTimeoutMs: 50 }],
      ["detectors/nobody", { heartbeatIntervalMs: 100 }],
    ] as const) {
      const response = await fetch(`${at.url}/v1/admin/${path}`, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(change),
      });
      expect([path, [400, 404].includes(response.status)]).toEqual([path, true]);
      expect((await response.json()) as ErrorBody).toMatchObject({ error: { message: expect.stringMatching(/\w+ \w+/) } });
    }
    await untouched();
  });
});

describe("the typed client says in words", () => {
  it("that there is no such group, and that nobody answers", async () => {
    await expect(connect(`troupe://127.0.0.1:${at.port}/nobody`)).rejects.toMatchObject({ code: "unknown-group" });
    await expect(connect("troupe://127.0.0.1:1/trial")).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("troupe up"),
    });
    await expect(connect("http://127.0.0.1/trial")).rejects.toMatchObject({ code: "bad-request" });
    await untouched();
  });

  it("that an input cannot be sent", async () => {
    const client = await connect<typeof trial>(at.clientUrl);
    await expect(client.put({ key: "k", value: notSendable() })).rejects.toMatchObject({ outcome: "not-executed" });
    await client.close();
    await untouched();
  });
});

describe("a second process on the same folder is refused:", () => {
  it("another `up`", async () => {
    const { status, err } = await troupe(["up", "counter", "--dir", at.dir, "--port", "0"]);
    expect(status).toBe(1);
    expect(err).toMatch(/in use|already/);
    await untouched();
  });

  it("another Replication Manager", async () => {
    const { status, out, err } = await troupe(["rm", "--dir", at.dir]);
    expect(status).toBe(1);
    expect(`${out}${err}`).toMatch(/in use|already/);
    await untouched();
  });

  it("another server on a replica's folder", async () => {
    const replica = join(at.dir, "replicas", "trial-1");
    const { status, out, err } = await troupe(["server", "--dir", replica, "--spec", `${replica}.spec.json`]);
    expect(status).toBe(1);
    expect(`${out}${err}`).toMatch(/in use|already/);
    await untouched();
  });
});

/** To the compiler it is text. */
function notSendable(): string {
  const value: unknown = () => 1;
  return value as string;
}
