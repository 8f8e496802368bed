import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { troupe } from "./harness/command.js";
import {
  freePort,
  groupOf,
  type Installation,
  rolesOf,
  startInstallation,
  statusOf,
  untilLaterView,
  untilNothingLeft,
  untilWhole,
} from "./harness/installation.js";
import { kill, processesNaming } from "./harness/process-table.js";
import { until } from "./harness/wait.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-start-"));
});

afterEach(async () => {
  for (const { pid } of processesNaming(folder)) process.kill(pid, "SIGKILL");
  await untilNothingLeft(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** It ends by itself, says what is wrong in words that match, never that it is ready, and leaves nothing running. */
async function refused(args: readonly string[], words: RegExp): Promise<void> {
  const { status, out, err } = await troupe(["up", ...args], folder);
  expect({ status, out, err }).toMatchObject({ status: expect.any(Number), out: expect.not.stringContaining("ready") });
  expect(status).not.toBe(0);
  expect(err).toMatch(words);
  await untilNothingLeft(folder);
}

describe("`up` refuses in words", () => {
  it("a port in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : 0;
    try {
      await refused(["counter", "--dir", join(folder, "data"), "--port", String(port)], new RegExp(`${port}.*(taken|in use).*--port`, "s"));
    } finally {
      taken.close();
    }
  });

  it("a configuration that is no JSON, one with an unknown setting, one with a wrong value", async () => {
    const config = join(folder, "troupe.config.json");
    writeFileSync(config, "{ not json");
    await refused(["counter", "--port", "0"], /troupe\.config\.json cannot be read/);
    writeFileSync(config, JSON.stringify({ colour: "red" }));
    await refused(["counter", "--port", "0"], /no setting colour/);
    writeFileSync(config, JSON.stringify({ replicas: 0 }));
    await refused(["counter", "--port", "0"], /replicas is at least 1/);
    mkdirSync(join(folder, "folder.json"));
    await refused(["counter", "--port", "0", "--config", "folder.json"], /folder\.json cannot be read/);
    await refused(["counter", "--port", "0", "--config", "missing.json"], /no configuration file missing\.json/);
    const checked = await troupe(["config", "check"], folder);
    expect(checked.status).toBe(2);
    expect(checked.err).toMatch(/replicas is at least 1/);
  });

  it("a data folder that cannot be made", async () => {
    writeFileSync(join(folder, "file"), "");
    await refused(["counter", "--port", "0", "--dir", join(folder, "file", "data")], /data folder .* cannot be made or written.*--dir/s);
    await refused(["counter", "--port", "0", "--dir", "/dev/null/data"], /data folder .* cannot be made or written.*--dir/s);
    await refused(["counter", "--port", "0", "--dir", "/proc/no-such-process/data"], /data folder .* cannot be made or written.*--dir/s);
  });

  it("a service that is not there, does not compile, throws when it is loaded, or is none", async () => {
    await refused(["missing.ts", "--port", "0"], /no service missing\.ts/);
    const service = join(folder, "service.ts");
    writeFileSync(service, "export default {{{");
    await refused(["service.ts", "--port", "0"], /service\.ts does not compile/);
    writeFileSync(service, 'throw new Error("no luck today");');
    await refused(["service.ts", "--port", "0"], /no luck today/);
    writeFileSync(service, "export default { name: 'x' };");
    await refused(["service.ts", "--port", "0"], /service\.ts is no service/);
    writeFileSync(service, "export const nothing = 1;");
    await refused(["service.ts", "--port", "0"], /service\.ts/);
  });

  it("another machine's address without --insecure-network", async () => {
    await refused(["counter", "--host", "0.0.0.0", "--port", "0"], /insecure/i);
  });

  it("a style that the service does not have", async () => {
    await refused(["counter", "--style", "sideways", "--port", "0"], /style/);
  });
});

describe("data of before", () => {
  let at: Installation;

  beforeEach(async () => {
    at = await startInstallation({ style: "warm-passive", service: serviceOf(folder, 1), group: "mine" });
    await untilWhole(at);
  });

  afterEach(async () => {
    await at.dispose(false);
  });

  it("is not run with changed code, nor with another durability or group", async () => {
    await at.stop();
    const rest = ["--dir", at.dir, "--port", String(await freePort())];
    await refused([serviceOf(folder, 2), ...rest], /is not the one that wrote the data.*code of before.*--fresh/s);
    await refused([serviceOf(folder, 1), "--durability", "memory", ...rest], /durability disk, which is fixed.*--fresh/s);
    await refused(["counter", ...rest], /holds the group mine.*--fresh/s);
    serviceOf(folder, 1);
    await at.startAgain();
    await untilWhole(at);
  });

  it("is removed with --fresh: changed code is ready and serves, as another system", async () => {
    const idOf = (): string => readFileSync(join(at.dir, "cluster.json"), "utf8");
    const before = idOf();
    const { leader, epoch } = await rolesOf(at);
    await kill(at.dir, leader);
    await untilLaterView(at, epoch);
    await at.stop();
    const args = ["up", serviceOf(folder, 2), "--dir", at.dir, "--port", String(at.port), "--group", at.group, "--detach", "--fresh"];
    const { status, out, err } = await troupe(args);
    expect({ status, out, err }).toMatchObject({ status: 0, out: expect.stringContaining("ready") });
    await untilWhole(at);
    expect(await troupe(["call", "add", "2", "--dir", at.dir])).toMatchObject({ status: 0, out: "4\n" });
    expect(idOf()).not.toBe(before);
    expect(await troupe(["down", "--dir", at.dir])).toMatchObject({ status: 0 });
  });

  it("and a control store that is older than it changes nothing and says so", async () => {
    await at.stop();
    const old = join(at.folder, "rm-of-before");
    cpSync(join(at.dir, "rm"), old, { recursive: true });
    await at.startAgain();
    const { leader, epoch } = await rolesOf(at);
    await kill(at.dir, leader);
    await untilLaterView(at, epoch);
    await untilWhole(at);
    await at.stop();
    rmSync(join(at.dir, "rm"), { recursive: true });
    cpSync(old, join(at.dir, "rm"), { recursive: true });
    const starting = at.startAgain().then(
      () => "ready",
      (error: unknown) => String(error),
    );
    await until("the group says that its control store is old", 20_000, async () => {
      const group = await groupOf(at);
      const waiting = group?.waiting ?? "";
      return /older than the group.*troupe recover/s.test(waiting) ? { found: undefined } : { seen: JSON.stringify(await statusOf(at)) };
    });
    expect((await groupOf(at))?.serving).toBe(false);
    for (const { pid, command } of processesNaming(at.dir)) if (command.includes("troupe.js up")) process.kill(pid, "SIGTERM");
    await starting;
  });
});

/** A service file of our own whose text can change. */
function serviceOf(inFolder: string, version: number): string {
  const path = join(inFolder, "mine.ts");
  writeFileSync(
    path,
    `import { defineService } from "troupe";
export default defineService({
  name: "mine",
  state: () => ({ value: 0 }),
  operations: { add: (state, by: number) => (state.value += by * ${version}) },
  queries: { get: (state) => state.value },
});
`,
  );
  return path;
}
