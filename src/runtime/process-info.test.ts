import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { describe, expect, test, vi } from "vitest";
import {
  bootPart,
  cpuWaitMs,
  hasKernelView,
  isAlive,
  isSameProcess,
  parseCpuWaitMs,
  parsePs,
  parseStat,
  processInfo,
  processState,
  signalProcess,
  startTimeOf,
} from "./process-info.js";

const FIELDS = "1 1 1 0 -1 4194560 100 0 0 0 25 5 0 0 20 0 11 0 987654 1 1";

describe("what the kernel knows of a process", () => {
  test.each([
    ["node", "S", "running"],
    ["a) T (b", "R", "running"],
    ["node", "T", "stopped"],
    ["node", "t", "stopped"],
    ["node", "Z", "zombie"],
    ["node", "D", "running"],
  ])("the line of (%s) in state %s", (command, state, expected) => {
    expect(parseStat(`42 (${command}) ${state} ${FIELDS}`)).toEqual({
      state: expected,
      exiting: false,
      cleared: false,
      startTime: 987654,
      cpuMs: 300,
    });
  });

  test("a process on its way out is told by its flags before it is a zombie", () => {
    expect(parseStat(`42 (node) R ${FIELDS.replace("4194560", "4194564")}`)).toMatchObject({ state: "running", exiting: true });
  });

  test("a line that is no such line is nothing", () => {
    expect(parseStat("")).toBeNull();
    expect(parseStat("42 (node) S 1 2")).toBeNull();
  });

  test("of a process that was recorded before the machine was started again the one of now under its pid is told, started at the same tick or not", () => {
    const [before, now] = [bootPart("0f1e2d3c-0000-4000-8000-000000000001"), bootPart("0f1e2d3c-0000-4000-8000-000000000002")];
    expect(before).not.toBe(now);
    for (const boot of [before, now, bootPart("")]) expect(Number.isSafeInteger(boot + 5 * 365 * 86_400 * 100)).toBe(true);
  });

  // Only Linux has the /proc that is read.
  test.runIf(hasKernelView())("start times name the start of the machine with them", () => {
    const stat = readFileSync("/proc/self/stat", "latin1");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    expect(startTimeOf(process.pid)).toBe(bootPart(boot) + (parseStat(stat)?.startTime ?? 0));
  });

  test.each([
    ["Ss   Mon Nov 30 11:46:04 2026\n", { state: "running", startTime: Date.UTC(2026, 10, 30, 11, 46, 4) / 1_000 }],
    ["T+   Tue Dec  1 00:00:00 2026\n", { state: "stopped", startTime: Date.UTC(2026, 11, 1) / 1_000 }],
    ["Z    Tue Dec  1 00:00:00 2026", { state: "zombie", startTime: Date.UTC(2026, 11, 1) / 1_000 }],
    ["", null],
    ["ps: no such option", null],
  ])("what ps says of a process: %j", (text, expected) => {
    expect(parsePs(text)).toEqual(expected);
  });

  test("how long it has waited for the processor is the second figure, and nothing where the kernel does not count it", () => {
    expect(parseCpuWaitMs("5656253 6354508 5\n")).toBe(6.354508);
    expect(parseCpuWaitMs("")).toBe(0);
    expect(cpuWaitMs(0)).toBe(0);
  });

  // Only Linux has the /proc that these read.
  test.runIf(hasKernelView())("this process runs, with one start time; a pid that nobody has is absent", () => {
    expect(processState(process.pid)).toBe("running");
    expect(isSameProcess(process.pid, startTimeOf(process.pid) ?? -1)).toBe(true);
    expect(isSameProcess(process.pid, 1)).toBe(false);
    expect(processInfo(2 ** 22 + 1)).toBeNull();
  });

  // Only Linux has the /proc that these read.
  test.runIf(hasKernelView())("nothing is signalled but the very process that is meant", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await once(child, "spawn");
    const pid = child.pid ?? 0;
    const startTime = startTimeOf(pid) ?? 0;
    expect(signalProcess(pid, startTime + 1, "SIGKILL")).toBe(false);
    expect(signalProcess(0, 0, "SIGKILL")).toBe(false);
    expect(signalProcess(-1, 0, "SIGKILL")).toBe(false);
    expect(isAlive(pid, startTime)).toBe(true);
    expect(signalProcess(pid, startTime, "SIGKILL")).toBe(true);
    const [, signal] = await once(child, "exit");
    expect(signal).toBe("SIGKILL");
    expect(isAlive(pid, startTime)).toBe(false);
    expect(signalProcess(pid, startTime, "SIGKILL")).toBe(false);
  });

  // Only Linux has the /proc that is read.
  test.runIf(hasKernelView())("what nobody reaps has let go of all it had, though it is there for ever", async () => {
    // The second program knows nothing of the child that the first has left it.
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const [line] = (await once(parent.stdout, "data")) as [Buffer];
      const pid = Number(line.toString());
      const startTime = startTimeOf(pid) ?? 0;
      expect(processInfo(pid)?.cleared).toBe(false);
      expect(signalProcess(pid, startTime, "SIGKILL")).toBe(true);
      while (processInfo(pid)?.cleared === false) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(isSameProcess(pid, startTime)).toBe(true);
      expect(processInfo(process.pid)?.cleared).toBe(false);
    } finally {
      parent.kill("SIGKILL");
    }
  });

  test.each([
    ["runs", "S", 11, false],
    ["its main thread has ended, others have not", "Z", 3, false],
    ["all have ended", "Z", 1, true],
  ])("%s", (_, state, threads, expected) => {
    expect(parseStat(`7 (node) ${state} ${FIELDS.replace(" 20 0 11 ", ` 20 0 ${threads} `)}`)?.cleared).toBe(expected);
  });

  // Only Linux has the /proc that is read. Nothing is sent to the real one.
  test.runIf(hasKernelView())("process 1 is signalled like any other: in a container it is what was started there", () => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    try {
      const startTime = startTimeOf(1) ?? 0;
      expect(signalProcess(1, startTime + 1, "SIGTERM")).toBe(false);
      expect(kill).not.toHaveBeenCalled();
      expect(signalProcess(1, startTime, "SIGTERM")).toBe(true);
      expect(kill).toHaveBeenCalledExactlyOnceWith(1, "SIGTERM");
    } finally {
      kill.mockRestore();
    }
  });

  // Only Linux has the /proc that is read.
  test.runIf(hasKernelView())("a process that cannot be looked at for want of descriptors is not taken for one that has ended", () => {
    const program = fileURLToPath(new URL("../../.cache/process-info-test.mjs", import.meta.url));
    const source = fileURLToPath(new URL("./process-info.ts", import.meta.url));
    const looks = `
      import { openSync } from "node:fs";
      import { processInfo } from ${JSON.stringify(source)};
      let code = "";
      while (code === "") try { openSync("/dev/null"); } catch (error) { code = error.code; }
      process.stdout.write(JSON.stringify([code, processInfo(process.pid), processInfo(${2 ** 22 + 1})]));
    `;
    buildSync({
      stdin: { contents: looks, resolveDir: "/" },
      outfile: program,
      bundle: true,
      platform: "node",
      format: "esm",
    });
    const { stdout, stderr } = spawnSync("sh", ["-c", 'ulimit -n 60; exec "$0" "$1"', process.execPath, program], { encoding: "utf8" });
    expect(stderr).toBe("");
    const unknown = { state: "unknown", exiting: false, cleared: false, startTime: 0, cpuMs: 0 };
    expect(JSON.parse(stdout)).toEqual(["EMFILE", unknown, unknown]);
  });
});
