import { describe, expect, test } from "vitest";
import {
  absent,
  createWorld,
  effectsOf,
  faults,
  give,
  lastSnapshot,
  order,
  pass,
  R1,
  R2,
  register,
  running,
  seen,
  spawned,
  startOrder,
  startServer,
} from "./host.test-world.js";

describe("what the LFD sees of a server", () => {
  test("a member counts only after its first good heartbeat", () => {
    const world = createWorld();
    order(world, startOrder(R1));
    const pid = spawned(world, R1);
    pass(world, 50);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", counted: false, bootId: null });
    const server = register(world, R1, pid);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", counted: true, bootId: server.hello.bootId, pid });
  });

  test("an exit is gone at once, with code, signal and the request it was executing", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    server.pulse = { executing: "key-7" };
    pass(world, 40);
    give(world, { kind: "process-exited", replica: R1, pid: server.pid, code: null, signal: "SIGKILL", lastWords: "" });
    expect(seen(world, R1)).toMatchObject({
      verdict: "gone",
      reason: "killed by SIGKILL",
      executing: "key-7",
      bootId: server.hello.bootId,
    });
    expect(faults(world).at(-1)).toMatchObject({ verdict: "gone", replica: R1, detectionMs: 0 });
    expect(world.nowMs).toBe(1_040);
  });

  test("S6i: what a process has left word of counts where its sudden end, or its hang, lets no heartbeat tell", () => {
    const world = createWorld();
    const died = startServer(world, R1);
    const hung = startServer(world, R2);
    pass(world, 40);
    give(world, { kind: "process-exited", replica: R1, pid: died.pid, code: null, signal: "SIGKILL", lastWords: "", executing: "key-7" });
    expect(seen(world, R1)).toMatchObject({ verdict: "gone", executing: "key-7" });
    hung.answers = false;
    give(world, { kind: "process-observed", replica: R2, pid: hung.pid, view: running(hung.pid), executing: "key-8" });
    pass(world, 400);
    expect(seen(world, R2)).toMatchObject({ verdict: "suspected", executing: "key-8" });
  });

  test("a crash at start is reported with its exit code and the last words of its log", () => {
    const world = createWorld();
    order(world, startOrder(R1));
    const pid = spawned(world, R1);
    give(world, { kind: "process-exited", replica: R1, pid, code: 1, signal: null, lastWords: "Error: no such module" });
    expect(seen(world, R1)).toMatchObject({
      verdict: "gone",
      pid,
      bootId: null,
      reason: "ended before it registered: exit code 1; its log ends: Error: no such module",
    });
  });

  test("a hang is suspected by silence, no later than the time-out, and nobody is killed for it", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    pass(world, 2_000);
    server.answers = false;
    server.view = running(server.pid, 50);
    const sinceMs = world.nowMs;
    pass(world, 149);
    expect(seen(world, R1).verdict).toBe("alive");
    pass(world, 40);
    const fault = faults(world).at(-1);
    expect(fault).toMatchObject({ verdict: "suspected", reason: "no heartbeat for 150 ms", detectionMs: 150 });
    expect(world.sent.find((one) => one.message === fault)?.atMs).toBeLessThanOrEqual(sinceMs + 20 + 150);
    pass(world, 60_000);
    expect(effectsOf(world, "signal-process")).toEqual([]);
  });

  test("without any progress of its CPU it is suspected sooner, within the bounds of the detector", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    pass(world, 2_000);
    server.answers = false;
    pass(world, 125);
    expect(faults(world).at(-1)).toMatchObject({ verdict: "suspected", detectionMs: 100 });
  });

  test("silence of less than the time-out is nothing, and a late answer makes a suspect alive again", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    pass(world, 500);
    server.answers = false;
    pass(world, 90);
    server.answers = true;
    pass(world, 500);
    expect(faults(world)).toEqual([]);
    server.answers = false;
    pass(world, 400);
    expect(seen(world, R1).verdict).toBe("suspected");
    server.answers = true;
    pass(world, 30);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", counted: true });
  });

  test("the time-out setting is what it is measured by, changed while it runs", () => {
    for (const suspicionTimeoutMs of [60, 150, 1_000]) {
      const world = createWorld();
      const server = startServer(world, R1);
      order(world, { kind: "configure-detector", knobs: { heartbeatIntervalMs: 20, suspicionTimeoutMs } });
      expect(lastSnapshot(world).knobs.suspicionTimeoutMs).toBe(suspicionTimeoutMs);
      server.answers = false;
      server.view = { ...running(server.pid), state: "stopped" };
      pass(world, 5_000);
      const [fault] = faults(world);
      expect(fault?.detectionMs).toBeGreaterThanOrEqual((suspicionTimeoutMs * 2) / 3 - 1);
      expect(fault?.detectionMs).toBeLessThanOrEqual(suspicionTimeoutMs);
    }
  });

  test("the interval setting is how often it asks, changed while it runs", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    const asked = () => world.sent.filter((one) => one.connection === server.connection && one.message.kind === "heartbeat").length;
    const before = asked();
    pass(world, 1_000);
    expect(asked() - before).toBe(50);
    order(world, { kind: "configure-detector", knobs: { heartbeatIntervalMs: 5, suspicionTimeoutMs: 150 } });
    const changed = asked();
    pass(world, 1_000);
    expect(asked() - changed).toBe(200);
  });

  test("stopped for longer than the grace is suspected; for less it is nothing", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    server.view = { ...running(server.pid), state: "stopped" };
    server.answers = false;
    pass(world, 80);
    server.view = running(server.pid);
    server.answers = true;
    pass(world, 100);
    expect(faults(world)).toEqual([]);
    server.view = { ...running(server.pid), state: "stopped" };
    server.answers = false;
    pass(world, 140);
    expect(seen(world, R1)).toMatchObject({
      verdict: "suspected",
      paused: false,
      reason: expect.stringContaining("process stopped for 100 ms"),
    });
  });

  test("a replica paused on purpose is suspected as well, and says that it is paused", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    order(world, { kind: "signal-replica", ticket: 5, replica: R1, signal: "stop" });
    expect(effectsOf(world, "signal-process")).toMatchObject([{ pid: server.pid, startTime: server.pid * 10, signal: "SIGSTOP" }]);
    server.view = { ...running(server.pid), state: "stopped" };
    server.answers = false;
    pass(world, 200);
    expect(seen(world, R1)).toMatchObject({ verdict: "suspected", paused: true });
    order(world, { kind: "signal-replica", ticket: 6, replica: R1, signal: "continue" });
    server.view = running(server.pid);
    server.answers = true;
    pass(world, 50);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", paused: false });
  });

  test("who was paused and is continued by another hand is paused no longer, also when it answers before the kernel is asked", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    order(world, { kind: "signal-replica", ticket: 5, replica: R1, signal: "stop" });
    server.view = { ...running(server.pid), state: "stopped" };
    server.answers = false;
    pass(world, 195);
    server.view = running(server.pid);
    server.answers = true;
    const sequence = world.lfd.replicas.get(R1)?.heartbeats.lastSequence ?? 0;
    const pulse = { workCount: 0, eventLoopDelayMs: 0, heapBytes: 0, oldestFsyncMs: 0, stuckMs: 0, executing: null };
    const message = { kind: "heartbeat-answer", sequence, pulse, report: null } as const;
    give(world, { kind: "message-received", connection: server.connection, peer: server.hello, message });
    pass(world, 100);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", paused: false });
  });

  test("who was paused, and is found running by the next LFD, is paused no longer; who is found stopped still is", () => {
    for (const state of ["running", "stopped"] as const) {
      const world = createWorld();
      const server = startServer(world, R1);
      order(world, { kind: "signal-replica", ticket: 5, replica: R1, signal: "stop" });
      const view = { ...running(server.pid), state };
      const next = createWorld(world.disk, 2_000, [{ ...server, view }]);
      pass(next, 200);
      if (state === "running") register(next, R1, server.pid);
      pass(next, 200);
      expect(seen(next, R1).paused, state).toBe(state === "stopped");
    }
  });

  test("an answer from before the pause does not end it", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    order(world, { kind: "signal-replica", ticket: 5, replica: R1, signal: "stop" });
    server.view = { ...running(server.pid), state: "stopped" };
    pass(world, 30);
    server.answers = false;
    pass(world, 300);
    expect(seen(world, R1)).toMatchObject({ verdict: "suspected", paused: true });
  });

  test("a server that answers while its service stands still is suspected", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    server.pulse = { workCount: 3, stuckMs: 5_200, executing: "key-9" };
    pass(world, 60);
    expect(seen(world, R1)).toMatchObject({ verdict: "suspected", reason: expect.stringContaining("key-9"), executing: "key-9" });
  });

  test("a slow disk degrades, and only that", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    server.pulse = { oldestFsyncMs: 2_000 };
    pass(world, 200);
    expect(seen(world, R1)).toMatchObject({ verdict: "degraded", counted: true });
  });

  test.each([
    ["absent", absent()],
    ["a zombie", { state: "zombie", startTime: 1_010, cpuMs: 0 } as const],
    ["another process under its pid", { state: "running", startTime: 77, cpuMs: 0 } as const],
  ])("the closing of its connection is checked against the kernel: %s is gone", (_what, view) => {
    const world = createWorld();
    const server = startServer(world, R1);
    pass(world, 100);
    server.view = view;
    give(world, { kind: "connection-closed", connection: server.connection });
    expect(seen(world, R1).verdict).toBe("gone");
  });

  test("a closed connection of a process that is there is no death: it may register again, or be suspected", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    give(world, { kind: "connection-closed", connection: server.connection });
    pass(world, 100);
    expect(seen(world, R1).verdict).toBe("alive");
    register(world, R1, server.pid, 555);
    pass(world, 400);
    expect(faults(world)).toEqual([]);
    give(world, { kind: "connection-closed", connection: 555 });
    pass(world, 400);
    expect(seen(world, R1)).toMatchObject({ verdict: "suspected", reason: expect.stringContaining("connection closed") });
  });

  test("the late news that a former process ended does not end its successor", () => {
    const world = createWorld();
    const former = startServer(world, R1);
    former.view = absent();
    give(world, { kind: "connection-closed", connection: former.connection });
    expect(seen(world, R1).verdict).toBe("gone");
    const server = startServer(world, R1);
    give(world, { kind: "process-exited", replica: R1, pid: former.pid, code: 1, signal: null, lastWords: "" });
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", pid: server.pid });
  });

  test("a server that registers again on another connection has the former one closed", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    register(world, R1, server.pid, 555);
    expect(effectsOf(world, "close")).toMatchObject([{ connection: server.connection }]);
    give(world, { kind: "connection-closed", connection: server.connection });
    pass(world, 1_000);
    expect(faults(world)).toEqual([]);
  });

  test("another process of the same replica does not inherit that its predecessor counted", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    give(world, { kind: "process-exited", replica: R1, pid: server.pid, code: 0, signal: null, lastWords: "" });
    register(world, R1, 999, 999, false);
    expect(seen(world, R1)).toMatchObject({ pid: 999, counted: false });
  });

  test("after its own absence the LFD suspects nobody for it", () => {
    const world = createWorld();
    startServer(world, R1);
    startServer(world, R2);
    for (const server of world.servers.values()) server.answers = false;
    pass(world, 30);
    // Stopped for ten seconds; the servers' answers lie unread when the timer runs first.
    world.nowMs += 10_000;
    give(world, { kind: "woken" });
    for (const server of world.servers.values()) server.answers = true;
    pass(world, 500);
    expect(faults(world)).toEqual([]);
  });

  test("snapshots go at once when a verdict changes, and at most each 100 ms when only reports do", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    const snapshots = () => world.sent.filter((one) => one.message.kind === "host-snapshot");
    const before = snapshots().length;
    for (let count = 0; count < 100; count += 1) {
      const report = { ...(world.lfd.replicas.get(R1)?.report ?? null), lastIndex: count };
      const watched = world.lfd.replicas.get(R1);
      if (watched?.report) watched.report = { ...watched.report, lastIndex: report.lastIndex };
      pass(world, 10);
    }
    const reports = snapshots().length - before;
    expect(reports).toBeGreaterThanOrEqual(8);
    expect(reports).toBeLessThanOrEqual(10);
    give(world, { kind: "process-exited", replica: R1, pid: server.pid, code: 0, signal: null, lastWords: "" });
    expect(snapshots().at(-1)?.atMs).toBe(world.nowMs);
    const versions = snapshots().map((one) => (one.message.kind === "host-snapshot" ? one.message.version : 0));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(versions.length);
  });
});
