import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { lockFolder } from "./folder-lock.js";

const servers: Server[] = [];
vi.mock("node:net", async (importOriginal) => {
  const net = await importOriginal<typeof import("node:net")>();
  const createServer = (...options: Parameters<typeof net.createServer>): Server => {
    const server = net.createServer(...options);
    servers.push(server);
    return server;
  };
  return { ...net, createServer };
});

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lock-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

// Elsewhere the holder has no socket that is asked.
test.runIf(process.platform === "linux")("who asks for the holder when it is out of file descriptors does not end it", async () => {
  const lock = await lockFolder(folder);
  for (let times = 0; times < 2; times += 1) servers[0]?.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }));
  await expect(lockFolder(folder)).rejects.toThrow(new RegExp(`in use by process ${process.pid}`));
  await lock.release();
});
