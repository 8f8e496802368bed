import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ProcessRecord, recordedProcesses } from "../runtime/child.js";
import { logPath, logSizeBytes, olderLogPath } from "../runtime/log-file.js";
import { isAlive, signalProcess } from "../runtime/process-info.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { SupervisorEvent } from "./component.js";
import { stopDetached } from "./end.js";
import { RESTART_DELAY_MS_MAX, RESTART_DELAY_MS_MIN, restartDelayMs } from "./restart.js";

/** Real processes: an `up` of stand-in components, killed and stopped in every way. */
const cache = fileURLToPath(new URL("../../.cache/supervisor-test", import.meta.url));
const componentProgram = join(cache, "stand-in-component.mjs");
const upProgram = join(cache, "up-main.mjs");

type UpEvent = SupervisorEvent | { readonly kind: "ready" } | { readonly kind: "failed"; readonly message: string };

interface Up {
  readonly process: ChildProcess;
  readonly events: UpEvent[];
  exitCode: number | string | null;
}

let dir: string;
let ups: Up[];
let known: Map<number, ProcessRecord>;

beforeAll(() => {
  for (const name of ["stand-in-component", "up-main"]) {
    const source = fileURLToPath(new URL(`./fixtures/${name}.ts`, import.meta.url));
    buildSync({
      entryPoints: [source],
      outfile: join(cache, `${name}.mjs`),
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      target: "node20",
    });
  }
});

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "troupe-up-")), "data");
  ups = [];
  known = new Map();
});

afterEach(() => {
  for (const { process: up } of ups) up.kill("SIGKILL");
  look();
  for (const record of known.values()) signalProcess(record.pid, record.startTime, "SIGKILL");
  rmSync(join(dir, ".."), { recursive: true, force: true });
});

/** Of the tests whose subject it is not: no load of this machine shall pass for silence. */
const PATIENCE_MS = 10_000;

function startUp(...names: string[]): Promise<Up> {
  return startImpatientUp(PATIENCE_MS, ...names);
}

async function startImpatientUp(silenceTimeoutMs: number, ...names: string[]): Promise<Up> {
  const child = spawn(process.execPath, [upProgram, dir, componentProgram, String(silenceTimeoutMs), ...names], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const up: Up = { process: child, events: [], exitCode: null };
  ups.push(up);
  let text = "";
  child.stdout?.on("data", (bytes: Buffer) => {
    text += bytes.toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) up.events.push(JSON.parse(line));
  });
  child.on("exit", (code, signal) => {
    up.exitCode = code ?? signal;
  });
  await until(() => up.events.some((event) => event.kind === "ready" || event.kind === "failed"), "up to be ready");
  return up;
}

/** Remembers every process that was ever recorded: the folder may forget it, this test does not. */
function look(): ProcessRecord[] {
  for (const record of recordedProcesses(dir)) known.set(record.pid, record);
  return [...known.values()].filter((record) => isAlive(record.pid, record.startTime));
}

function alive(name: string): ProcessRecord | undefined {
  return look().find((record) => record.name.startsWith(name));
}

async function until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  const limitMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > limitMs) throw new Error(`waited in vain for ${what}`);
    look();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function nextLife(name: string, before: ProcessRecord | undefined): Promise<ProcessRecord> {
  expect(before).toBeDefined();
  await until(() => alive(name) !== undefined && alive(name)?.pid !== before?.pid, `another life of ${name}`);
  return alive(name) as ProcessRecord;
}

/** What has happened can be seen before its line has come. */
function told(up: Up) {
  return expect.poll(() => up.events, { timeout: 15_000 });
}

function log(name: string): string {
  return readFileSync(join(dir, "logs", `${name}.log`), "utf8");
}

describe("supervision", () => {
  test("starts what it is told to, in a folder for no other eyes, and starts again what is killed", async () => {
    const up = await startUp("gfd", "rm", "lfd");
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    await until(() => alive("server") !== undefined, "the server of the LFD");
    const rm = alive("rm");
    process.kill(rm?.pid ?? 0, "SIGKILL");
    await nextLife("rm", rm);
    await told(up).toContainEqual(expect.objectContaining({ kind: "ended", component: "rm", how: "killed by SIGKILL" }));
  });

  test("a component's full log is begun anew; those of servers are left to the LFD", async () => {
    await startUp("rm", "lfd");
    await until(() => alive("server") !== undefined, "the server of the LFD");
    const server = alive("server")?.name ?? "";
    for (const name of ["rm", server]) truncateSync(logPath(dir, name), LIMITS.processLogSizeBytesMax + 1);
    await until(() => logSizeBytes(dir, "rm") === 0, "a new log");
    expect(statSync(olderLogPath(logPath(dir, "rm"))).size).toBe(LIMITS.processLogSizeBytesMax + 1);
    expect(logSizeBytes(dir, server)).toBeGreaterThan(LIMITS.processLogSizeBytesMax);
  });

  test("a component whose process cannot be recorded (a full disk) is tried again, and everything else goes on", async () => {
    const up = await startUp("gfd", "rm");
    const [gfd, rm] = [alive("gfd"), alive("rm")];
    const [records, aside] = [join(dir, "run", "processes"), join(dir, "run", "aside")];
    renameSync(records, aside);
    writeFileSync(records, "");
    process.kill(rm?.pid ?? 0, "SIGKILL");
    await until(
      () => up.events.some((event) => event.kind === "ended" && event.how.startsWith("could not be started")),
      "a start that fails",
    );
    rmSync(records);
    renameSync(aside, records);
    await nextLife("rm", rm);
    expect(alive("gfd")?.pid).toBe(gfd?.pid);
    expect(up.exitCode).toBeNull();
  });

  test("a stopped component is killed and started again", async () => {
    const up = await startImpatientUp(800, "rm");
    const rm = alive("rm");
    process.kill(rm?.pid ?? 0, "SIGSTOP");
    await nextLife("rm", rm);
    await told(up).toContainEqual({ kind: "killed", component: "rm", pid: rm?.pid, why: "stopped for more than 800 ms" });
  });

  test("a component that is stopped for less is left alone", async () => {
    const up = await startUp("rm", "gfd");
    const rm = alive("rm");
    await until(() => log("gfd").includes("answered 1\n"), "a tick of the supervisor");
    process.kill(rm?.pid ?? 0, "SIGSTOP");
    const before = log("gfd").length;
    await until(() => log("gfd").length > before, "the next tick");
    process.kill(rm?.pid ?? 0, "SIGCONT");
    await until(() => log("gfd").includes("answered 10\n"), "ten ticks");
    expect(up.events.filter((event) => event.kind === "killed")).toEqual([]);
    expect(alive("rm")?.pid).toBe(rm?.pid);
  });

  test("a component that runs but answers no heartbeat is killed and started again", async () => {
    const up = await startImpatientUp(800, "gfd");
    await until(() => log("gfd").includes("answered 2\n"), "answers to heartbeats");
    const gfd = alive("gfd");
    process.kill(gfd?.pid ?? 0, "SIGUSR2");
    await nextLife("gfd", gfd);
    await told(up).toContainEqual({ kind: "killed", component: "gfd", pid: gfd?.pid, why: "has not answered for more than 800 ms" });
  });

  test("a crash loop is backed off and its last words are told; what says that it cannot work is not started again", async () => {
    const up = await startUp("crashing", "misconfigured");
    const ends = () => up.events.flatMap((event) => (event.kind === "ended" ? [event] : []));
    await until(() => ends().length >= 4, "four crashes");
    expect(
      ends()
        .slice(0, 4)
        .map((event) => event.restartInMs),
    ).toEqual([20, 40, 80, 160]);
    expect(ends()[0]).toMatchObject({ component: "crashing", how: "exit code 5", lastWords: "no memory of how to start" });
    const ofOther = up.events.filter((event) => "component" in event && event.component === "misconfigured");
    expect(ofOther.map((event) => event.kind)).toEqual(["started", "gave-up"]);
  });

  test("the delay before a start grows from short life to short life, within bounds, and a long life is forgiven", () => {
    let delayMs = RESTART_DELAY_MS_MIN;
    for (let life = 0; life < 20; life += 1) {
      const nextMs = restartDelayMs(delayMs, 50);
      expect(nextMs).toBe(Math.min(RESTART_DELAY_MS_MAX, delayMs * 2));
      delayMs = nextMs;
    }
    expect(restartDelayMs(delayMs, 60_000)).toBe(RESTART_DELAY_MS_MIN);
  });

  test("a second up on the same folder is refused, names the first, and leaves it untouched", async () => {
    const first = await startUp("rm");
    const rm = alive("rm");
    const second = await startUp("rm");
    expect(second.events).toMatchObject([{ kind: "failed", message: expect.stringContaining(`process ${first.process.pid}`) }]);
    await until(() => second.exitCode !== null, "the end of the second");
    expect(alive("rm")?.pid).toBe(rm?.pid);
    expect(first.exitCode).toBeNull();
  });
});

describe("nothing is left behind", () => {
  /** A server of an LFD that is gone, one of the LFD that followed it, and that one stopped. */
  async function startMany(): Promise<Up> {
    const up = await startUp("gfd", "rm", "stubborn", "lfd");
    await until(() => alive("server") !== undefined, "the first server");
    const lfd = alive("lfd");
    process.kill(lfd?.pid ?? 0, "SIGKILL");
    await nextLife("lfd", lfd);
    await until(() => look().filter((record) => record.name.startsWith("server")).length === 2, "the second server");
    const [server] = look().filter((record) => record.name.startsWith("server"));
    process.kill(server?.pid ?? 0, "SIGSTOP");
    expect(look()).toHaveLength(7);
    return up;
  }

  test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("after %s of up, with one server stopped and one adopted", async (signal) => {
    const up = await startMany();
    up.process.kill(signal);
    await until(() => look().length === 0, "the end of every process");
    await until(() => up.exitCode !== null, "the end of up");
    expect(up.exitCode).toBe({ SIGINT: 130, SIGTERM: 0, SIGKILL: "SIGKILL" }[signal]);
  });

  test("after down, also when up itself is stopped; down once more finds nothing to do", async () => {
    await startMany();
    expect(await stopDetached(dir)).toBe("stopped");
    expect(look()).toEqual([]);
    expect(await stopDetached(dir)).toBe("not-running");
    const again = await startUp("rm");
    again.process.kill("SIGSTOP");
    expect(await stopDetached(dir)).toBe("stopped");
    expect(look()).toEqual([]);
  });

  test("an up that follows one whose processes were all stopped at its death ends them first", async () => {
    const up = await startUp("rm");
    const rm = alive("rm");
    process.kill(rm?.pid ?? 0, "SIGSTOP");
    up.process.kill("SIGKILL");
    await until(() => up.exitCode !== null, "the end of up");
    await startUp("gfd");
    await until(() => alive("rm") === undefined, "the end of the orphan");
  });
});
