import { createServer, type IncomingMessage, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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
    await expect(call("deposit", "5", "--consistency", "any")).rejects.toMatchObject({ exitCode: 2, message: /deposit is an operation/ });
    expect(worked()).toEqual([]);
  });

  it("--key on a query", async () => {
    await expect(call("total", "--key", "k-1")).rejects.toMatchObject({ exitCode: 2, message: /total is a query/ });
    expect(worked()).toEqual([]);
  });

  it("a consistency that there is not", async () => {
    await expect(call("total", "--consistency", "strong")).rejects.toThrow(/linearizable, session, any/);
    expect(asked).toEqual([]);
  });
});

it("each goes where it is meant for", async () => {
  await call("deposit", "5", "--key", "k-1");
  await call("total", "--consistency", "session");
  expect(worked().map(({ url, headers }) => [url, headers["idempotency-key"]])).toEqual([
    ["/v1/groups/bank/operations/deposit", "k-1"],
    ["/v1/groups/bank/queries/total?consistency=session", undefined],
  ]);
});
