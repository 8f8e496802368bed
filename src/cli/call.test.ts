import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { defaultRunConfig, writeRunConfig } from "../config/run-config.js";
import { SPEC } from "../rm/core/fake-server.test-harness.js";
import { clusterId } from "../vocabulary/ids.js";
import { createProgram } from "./program.js";

let server: Server;
let port = "";
let asked: IncomingMessage[] = [];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request);
    if (request.url === "/v1/groups/bank/members") response.end(JSON.stringify({ operations: ["deposit"], queries: ["total"] }));
    else response.end(JSON.stringify({ result: 5, index: 1, epoch: [1, 1] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  port = String(typeof address === "object" ? address?.port : 0);
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

afterEach(() => {
  vi.restoreAllMocks();
  server.close();
});

function call(...words: readonly string[]): Promise<unknown> {
  const program = createProgram();
  for (const command of program.commands) command.exitOverride();
  return program.parseAsync(["node", "troupe", "call", ...words, "--group", "bank", "--port", port]);
}

const worked = () => asked.filter((request) => request.method === "POST");

describe("a flag that would mean nothing is refused, and nothing is called", () => {
  it("--consistency on an operation", async () => {
    await expect(call("deposit", "5", "--consistency", "any")).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/deposit is an operation/),
    });
    expect(worked()).toEqual([]);
  });

  it("--key on a query", async () => {
    await expect(call("total", "--key", "k-1")).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/total is a query/) });
    expect(worked()).toEqual([]);
  });

  it("a consistency that there is not", async () => {
    await expect(call("total", "--consistency", "strong")).rejects.toThrow(/linearizable, session, any/);
    expect(asked).toEqual([]);
  });
});

describe("the gateway goes away with the request", () => {
  /** As often as it is asked to work: by a broken connection, then with this status. */
  function breakThen(status: number): void {
    let isFirst = true;
    server.removeAllListeners("request");
    server.on("request", (request: IncomingMessage, response) => {
      asked.push(request);
      if (request.method === "GET") response.end(JSON.stringify({ operations: ["deposit"], queries: ["total"] }));
      else if (isFirst) {
        isFirst = false;
        request.socket.destroy();
      } else {
        response.statusCode = status;
        const error = { code: "unavailable", message: "nobody leads", outcome: "not-executed" };
        response.end(JSON.stringify(status === 200 ? { result: 5 } : { error }));
      }
    });
  }

  it("the next one is asked with the same key, and its answer counts", async () => {
    breakThen(200);
    await call("deposit", "5");
    const [first, second] = worked();
    expect(second?.headers["idempotency-key"]).toBe(first?.headers["idempotency-key"]);
  });

  it.each([503, 429])("where that one only knows of its own copy (%i), the outcome is unknown, and the key is told", async (status) => {
    breakThen(status);
    await expect(call("deposit", "5", "--timeout", "500", "--key", "k-1")).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/--key k-1/),
      data: { outcome: "unknown" },
    });
  });

  it("it is not sent any more when its key may be forgotten, however long the caller would wait", async () => {
    const dir = mkdtempSync(join(tmpdir(), "troupe-call-"));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    writeRunConfig(dir, { ...defaultRunConfig(clusterId("c".repeat(32)), SPEC), keyExpiryMs: 1_000 });
    breakThen(503);
    await expect(call("deposit", "5", "--timeout", "100000000", "--dir", dir)).rejects.toMatchObject({ exitCode: 5 });
  });

  it("nobody ever heard of it: no system answers", async () => {
    breakThen(200);
    server.removeAllListeners("request");
    server.on("request", (_, response) => {
      response.end(JSON.stringify({ operations: ["deposit"], queries: [] }));
      server.close();
      server.closeAllConnections();
    });
    await expect(call("deposit", "5", "--timeout", "300")).rejects.toMatchObject({ exitCode: 3 });
  });
});

it("a port that is none is wrong on the command line", async () => {
  await expect(call("total", "--port", "99999")).rejects.toThrow(/65535/);
  expect(asked).toEqual([]);
});

it("each goes where it is meant for", async () => {
  await call("deposit", "5", "--key", "k-1");
  await call("total", "--consistency", "session");
  expect(worked().map(({ url, headers }) => [url, headers["idempotency-key"]])).toEqual([
    ["/v1/groups/bank/operations/deposit", "k-1"],
    ["/v1/groups/bank/queries/total?consistency=session", undefined],
  ]);
});
