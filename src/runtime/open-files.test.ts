import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { expect, it } from "vitest";
import { PREAMBLE } from "../codec/frame.js";
import { encodeFrame } from "../codec/message.js";
import { bootId, clusterId } from "../vocabulary/ids.js";
import { LIMITS, PROTOCOL_VERSION } from "../vocabulary/limit.js";
import { connectionsMax, parseOpenFiles } from "./open-files.js";

it("half of the files that may be open are connections, and no more than the limit", () => {
  expect([256, 1_024, 1_048_576, Number.POSITIVE_INFINITY].map(connectionsMax)).toEqual([
    128,
    512,
    LIMITS.connectionsMax,
    LIMITS.connectionsMax,
  ]);
});

it("the soft limit counts", () => {
  expect(
    parseOpenFiles("Max processes  1  2  processes\nMax open files            1024                 524288               files     \n"),
  ).toBe(1_024);
  expect(parseOpenFiles("Max open files            unlimited            unlimited            files     \n")).toBe(Number.POSITIVE_INFINITY);
});

const OPEN_FILES = 100;
const CROWD = 300;
const HELLO = Buffer.concat([
  PREAMBLE,
  ...encodeFrame(
    {
      ...{ kind: "hello", protocolVersion: PROTOCOL_VERSION, clusterId: clusterId("c"), role: "client", bootId: bootId("d") },
      ...{ group: null, replica: null, incarnation: null, hostId: null },
    },
    null,
  ),
]);

it("a crowd leaves a process descriptors for its files, also where it has few", { timeout: 120_000 }, async () => {
  const outfile = fileURLToPath(new URL("../../.cache/open-files-test.mjs", import.meta.url));
  const entry = fileURLToPath(new URL("./fixtures/listening-main.ts", import.meta.url));
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", packages: "external", target: "node20" });
  const child = spawn("sh", ["-c", `ulimit -n ${OPEN_FILES}; exec "$0" "$1"`, process.execPath, outfile], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const sockets: Socket[] = [];
  try {
    const lines = createInterface({ input: child.stdout });
    const nextLine = async (): Promise<unknown> => JSON.parse(String((await once(lines, "line"))[0]));
    const { port } = (await nextLine()) as { port: number };
    const met = Array.from({ length: CROWD }, async () => {
      const socket = connect(port, "127.0.0.1");
      sockets.push(socket);
      socket.write(HELLO);
      // Let in, let go, or cut off.
      await new Promise<void>((resolve) => {
        socket.on("data", () => resolve());
        socket.on("error", () => resolve());
        socket.on("close", () => resolve());
      });
    });
    await Promise.all(met);
    const said = nextLine();
    child.stdin.write("\n");
    expect(await said).toEqual({ openCount: OPEN_FILES / 2, failure: null });
  } finally {
    for (const socket of sockets) socket.destroy();
    child.kill("SIGKILL");
  }
});
