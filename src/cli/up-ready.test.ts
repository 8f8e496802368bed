import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { writeAddress } from "../runtime/address-file.js";
import { bootId } from "../vocabulary/ids.js";
import { waitUntilReady } from "./up-ready.js";

let dir = "";
let server: Server;

afterEach(() => {
  vi.restoreAllMocks();
  server.close();
  rmSync(dir, { recursive: true });
});

// The whole net 127 is this machine's on Linux alone.
it.runIf(process.platform === "linux").each([
  ["127.0.0.2", /^http:\/\/127\.0\.0\.2:\d+$/],
  ["::1", /^http:\/\/\[::1\]:\d+$/],
])("a gateway that listens on %s is found there, and told as a URL that can be used", async (host, url) => {
  dir = mkdtempSync(join(tmpdir(), "ready-"));
  server = createServer((_, response) => response.end(JSON.stringify({ session: "1.1.aa" })));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  writeAddress(dir, "gateway", { host, port, pid: process.pid, startTime: 0, bootId: bootId("b") });
  let looks = 0;
  const gaveUp = () => (++looks > 20 ? "it is not found" : null);
  const ready = await waitUntilReady({ dir, group: "bank", host, gatewayPid: () => process.pid, gaveUp });
  expect(ready.url).toMatch(url);
});

it("while it waits it says why, and which replica dies, and where that is said", async () => {
  dir = mkdtempSync(join(tmpdir(), "ready-"));
  const crash = (replica: string, atMs: number) => `data: ${JSON.stringify({ id: 1, atMs, kind: "crash-loop", text: "", replica })}\n\n`;
  server = createServer((request, response) => {
    if (request.url === "/v1/status") response.end(JSON.stringify({ groups: [{ group: "bank", waiting: "the first view waits" }] }));
    else if (request.url === "/v1/events") response.write(`${crash("bank-2", Date.now() + 60_000)}${crash("bank-1", 5)}: all told\n\n`);
    else response.writeHead(503).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  writeAddress(dir, "gateway", { host: "127.0.0.1", port, pid: process.pid, startTime: 0, bootId: bootId("b") });
  let said = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
  // Time for a word has come at each look.
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => {
    nowMs += 6_000;
    return nowMs;
  });
  const gaveUp = () => (said === "" ? null : "enough");
  await expect(waitUntilReady({ dir, group: "bank", host: "127.0.0.1", gatewayPid: () => process.pid, gaveUp })).rejects.toThrow("enough");
  server.closeAllConnections();
  expect(said).toContain(`the first view waits; bank-2 dies right after each start: see \`troupe logs bank-2 --dir ${dir}\``);
});
