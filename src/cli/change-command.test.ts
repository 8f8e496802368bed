import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createProgram } from "./program.js";

let server: Server;
let port = "";
let asked: { path: string; body: unknown }[] = [];

beforeEach(async () => {
  asked = [];
  server = createServer(async (request, response) => {
    asked.push({ path: `${request.method} ${request.url}`, body: JSON.parse(await text(request)) });
    response.statusCode = 202;
    response.end(JSON.stringify({ changeId: "1.1" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  port = String(typeof address === "object" ? address?.port : 0);
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});

afterEach(() => {
  vi.restoreAllMocks();
  server.close();
});

function set(...words: readonly string[]): Promise<unknown> {
  const program = createProgram();
  for (const command of program.commands) command.exitOverride();
  return program.parseAsync(["node", "troupe", "set", ...words, "--group", "bank", "--port", port]);
}

it("settings of a group and of detectors go out as one change, so that all of them are made or none", async () => {
  await set("replicas=5", "lfd.suspicionTimeoutMs=-1", "gfd.heartbeatIntervalMs=60");
  expect(asked).toEqual([
    {
      path: "PATCH /v1/admin/settings",
      body: {
        groups: { bank: { replicas: 5 } },
        detectors: { lfd: { suspicionTimeoutMs: "-1" }, gfd: { heartbeatIntervalMs: 60 } },
      },
    },
  ]);
});

it.each([
  ["group's", "replicas=5", "PATCH /v1/admin/groups/bank", { replicas: 5 }],
  ["detector's", "lfd.heartbeatIntervalMs=60", "PATCH /v1/admin/detectors/lfd", { heartbeatIntervalMs: 60 }],
])("a setting of one %s goes to it", async (_, word, path, body) => {
  await set(word);
  expect(asked).toEqual([{ path, body }]);
});

it.each([
  ["foo=9", /no setting foo that can be changed/],
  ["replicas", /replicas=VALUE/],
])("%s is wrong on the command line, and nothing is asked", async (word, message) => {
  await expect(set(word)).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
  expect(asked).toEqual([]);
});

it("a value that cannot be is a wrong setting, as it is for `up`", async () => {
  server.removeAllListeners("request");
  server.on("request", (_, response) => {
    response.statusCode = 400;
    response.end(JSON.stringify({ error: { code: "bad-request", message: "replicas is at most 7", outcome: "not-executed" } }));
  });
  await expect(set("replicas=9")).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/at most 7/) });
});
