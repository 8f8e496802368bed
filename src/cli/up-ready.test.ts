import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { writeAddress } from "../runtime/address-file.js";
import { bootId } from "../vocabulary/ids.js";
import { waitUntilReady } from "./up-ready.js";

let dir = "";
let server: Server;

afterEach(() => {
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
