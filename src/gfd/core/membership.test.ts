import { describe, expect, test } from "vitest";
import { bootId, clusterId, groupName, hostId, incarnation, replicaId } from "../../vocabulary/ids.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { HostObservation, ReplicaObservation } from "../../vocabulary/message-detection.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { GfdEffect, GfdEvent } from "./event.js";
import { createGfd, type GfdState } from "./state.js";
import { gfdNextWakeMs, stepGfd } from "./step.js";

const RM = 1;
const LFD1 = 11;
const LFD2 = 12;

interface World {
  gfd: GfdState;
  nowMs: number;
  readonly answering: Set<number>;
  readonly sent: { connection: number; message: Message; atMs: number }[];
  readonly closed: number[];
  readonly queue: GfdEvent[];
}

function createWorld(): World {
  const knobs = { heartbeatIntervalMs: 50, suspicionTimeoutMs: 500 };
  const gfd = createGfd({ bootId: bootId("a".repeat(32)), knobs, nowMs: 0 });
  return { gfd, nowMs: 0, answering: new Set([LFD1, LFD2]), sent: [], closed: [], queue: [] };
}

function give(world: World, event: GfdEvent): void {
  world.queue.push(event);
  if (world.queue.length > 1) return;
  for (let next = world.queue[0]; next !== undefined; next = world.queue[0]) {
    const effects: GfdEffect[] = [];
    stepGfd(world.gfd, world.nowMs, next, effects);
    for (const effect of effects) perform(world, effect);
    world.queue.shift();
  }
}

function perform(world: World, effect: GfdEffect): void {
  if (effect.kind === "close") {
    world.closed.push(effect.connection);
    return;
  }
  world.sent.push({ connection: effect.connection, message: effect.message, atMs: world.nowMs });
  if (effect.message.kind !== "heartbeat" || !world.answering.has(effect.connection)) return;
  const pulse = { workCount: 0, eventLoopDelayMs: 0, heapBytes: 0, oldestFsyncMs: 0, stuckMs: 0, executing: null };
  say(world, effect.connection, lfdHello(effect.connection), {
    kind: "heartbeat-answer",
    sequence: effect.message.sequence,
    pulse,
    report: null,
  });
}

function pass(world: World, durationMs: number): void {
  const untilMs = world.nowMs + durationMs;
  for (let guard = 0; gfdNextWakeMs(world.gfd) <= untilMs; guard += 1) {
    if (guard > 100_000) throw new Error("the core asks to be woken without end");
    world.nowMs = Math.max(world.nowMs, gfdNextWakeMs(world.gfd));
    give(world, { kind: "woken" });
  }
  world.nowMs = untilMs;
}

function say(world: World, connection: number, peer: Hello, message: Message): void {
  give(world, { kind: "message-received", connection, peer, message });
}

function hello(role: Hello["role"], boot: string, host: string | null): Hello {
  return {
    kind: "hello",
    protocolVersion: 1,
    clusterId: clusterId("c".repeat(32)),
    role,
    bootId: bootId(boot.padStart(32, "0")),
    group: null,
    replica: null,
    incarnation: null,
    hostId: host === null ? null : hostId(host),
  };
}

const rm = hello("rm", "e", null);
const lfdHello = (connection: number, boot = "d") => hello("lfd", boot, connection === LFD2 ? "h2" : "h1");

function observation(number: number, verdict: Verdict = "alive", counted = true): ReplicaObservation {
  return {
    group: groupName("counter"),
    replica: replicaId(`counter-${number}`),
    incarnation: incarnation(`${number}`.repeat(32)),
    bootId: bootId(`${number}`.repeat(32)),
    pid: number,
    address: null,
    verdict,
    counted,
    paused: false,
    reason: "",
    executing: null,
    report: null,
  };
}

function snapshot(connection: number, version: number, change: Partial<HostObservation> = {}, boot = "d"): Message {
  const peer = lfdHello(connection, boot);
  return {
    kind: "host-snapshot",
    version,
    host: {
      hostId: peer.hostId ?? hostId("h1"),
      bootId: peer.bootId,
      pid: connection,
      address: null,
      verdict: "alive",
      complete: true,
      knobs: { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 },
      replicas: [],
      ...change,
    },
  };
}

function memberships(world: World) {
  return world.sent.flatMap(({ connection, message }) => (connection === RM && message.kind === "membership" ? [message] : []));
}

function last(world: World) {
  const found = memberships(world).at(-1);
  if (found === undefined) throw new Error("no membership was sent");
  return found;
}

function started(): World {
  const world = createWorld();
  say(world, RM, rm, { kind: "subscribe-membership" });
  say(world, RM, rm, { kind: "expect-hosts", hosts: [hostId("h1")] });
  say(world, LFD1, lfdHello(LFD1), snapshot(LFD1, 1, { replicas: [observation(1), observation(2), observation(3)] }));
  return world;
}

describe("membership", () => {
  test("counts the replicas that are counted and not doubted, in full and versioned snapshots", () => {
    const world = started();
    expect(last(world)).toMatchObject({ memberCount: 3, complete: true, bootId: "a".repeat(32) });
    say(
      world,
      LFD1,
      lfdHello(LFD1),
      snapshot(LFD1, 2, { replicas: [observation(1, "gone"), observation(2, "degraded"), observation(3, "alive", false)] }),
    );
    expect(last(world).memberCount).toBe(1);
    expect(last(world).hosts[0]?.replicas.map((replica) => replica.verdict)).toEqual(["gone", "degraded", "alive"]);
    const versions = memberships(world).map((one) => one.version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });

  test("a subscriber gets the whole membership at once, and is told no more after it has left", () => {
    const world = started();
    say(world, 2, hello("gateway", "9", null), { kind: "subscribe-membership" });
    expect(world.sent.at(-1)).toMatchObject({ connection: 2, message: { kind: "membership", memberCount: 3 } });
    give(world, { kind: "connection-closed", connection: 2 });
    say(world, LFD1, lfdHello(LFD1), snapshot(LFD1, 2));
    expect(world.sent.at(-1)?.connection).toBe(RM);
  });

  test("late mail is no news: older versions and foreign snapshots are not believed", () => {
    const world = started();
    say(world, LFD1, lfdHello(LFD1), snapshot(LFD1, 5, { replicas: [observation(1)] }));
    say(world, LFD1, lfdHello(LFD1), snapshot(LFD1, 4, { replicas: [] }));
    expect(last(world).memberCount).toBe(1);
    say(world, 77, hello("lfd", "7", "h2"), snapshot(LFD1, 9, { replicas: [] }));
    expect(world.closed).toEqual([77]);
    expect(last(world).memberCount).toBe(1);
  });

  test("what the LFD that was there before has sent, and comes after the first word of the next one, is late as well", () => {
    const world = started();
    const NEXT = 13;
    const next = lfdHello(LFD1, "e");
    say(world, NEXT, next, snapshot(LFD1, 1, { replicas: [observation(1)] }, "e"));
    say(world, LFD1, lfdHello(LFD1), snapshot(LFD1, 9));
    expect(last(world)).toMatchObject({ memberCount: 1, hosts: [{ bootId: next.bootId }] });
    expect(world.closed).toEqual([LFD1]);
  });

  test("reports alone are published at most each 100 ms, and the last of them is not lost", () => {
    const world = started();
    pass(world, 200);
    const before = memberships(world).length;
    for (let version = 2; version < 52; version += 1) {
      say(
        world,
        LFD1,
        lfdHello(LFD1),
        snapshot(LFD1, version, { pid: LFD1, replicas: [{ ...observation(1) }, observation(2), observation(3)] }),
      );
      pass(world, 10);
    }
    const published = memberships(world).length - before;
    expect(published).toBeGreaterThanOrEqual(5);
    expect(published).toBeLessThanOrEqual(6);
    pass(world, 300);
    expect(last(world).hosts[0]?.replicas[0]).toBe(world.gfd.hosts.get(hostId("h1"))?.snapshot.replicas[0]);
  });
});

describe("completeness: absence is no verdict", () => {
  test("nothing is complete before the RM has said whom to expect", () => {
    const world = createWorld();
    say(world, RM, rm, { kind: "subscribe-membership" });
    say(world, LFD1, lfdHello(LFD1), snapshot(LFD1, 1));
    pass(world, 60_000);
    expect(last(world).complete).toBe(false);
    say(world, RM, rm, { kind: "expect-hosts", hosts: [hostId("h1")] });
    expect(last(world).complete).toBe(true);
  });

  test("an expected host is waited for, and not for ever", () => {
    const world = started();
    say(world, RM, rm, { kind: "expect-hosts", hosts: [hostId("h1"), hostId("h2")] });
    pass(world, 3_900);
    expect(last(world).complete).toBe(false);
    pass(world, 200);
    expect(last(world)).toMatchObject({ complete: true, memberCount: 3 });
  });

  test("while a restarted LFD waits for its servers the membership is not complete, however old the GFD", () => {
    const world = started();
    pass(world, 10_000);
    give(world, { kind: "connection-closed", connection: LFD1 });
    say(world, 21, hello("lfd", "f", "h1"), snapshot(LFD1, 1, { complete: false, replicas: [] }, "f"));
    expect(last(world)).toMatchObject({ complete: false });
    world.answering.add(21);
    pass(world, 10_000);
    expect(last(world).complete).toBe(false);
    // It dies while waiting and does not come back.
    give(world, { kind: "connection-closed", connection: 21 });
    pass(world, 4_100);
    expect(last(world).complete).toBe(true);
  });
});

describe("hosts", () => {
  test("a lost LFD makes its host uncertain; its replicas keep their verdict and are never gone for it", () => {
    const world = started();
    pass(world, 1_000);
    give(world, { kind: "connection-closed", connection: LFD1 });
    pass(world, 60_000);
    expect(last(world).hosts).toMatchObject([{ hostId: "h1", verdict: "suspected" }]);
    expect(last(world).hosts[0]?.replicas.map((replica) => replica.verdict)).toEqual(["alive", "alive", "alive"]);
    expect(world.sent.map((one) => one.message)).toContainEqual(
      expect.objectContaining({ kind: "fault", replica: null, verdict: "suspected" }),
    );
    expect(last(world).memberCount).toBe(3);
    say(world, 21, hello("lfd", "f", "h1"), snapshot(LFD1, 1, { replicas: [observation(1)] }, "f"));
    expect(last(world)).toMatchObject({ memberCount: 1, hosts: [{ verdict: "alive" }] });
  });

  test("a silent LFD is suspected within the time-out, changed while it runs, and forgiven when it answers", () => {
    for (const suspicionTimeoutMs of [200, 500, 2_000]) {
      const world = started();
      say(world, RM, rm, { kind: "configure-detector", knobs: { heartbeatIntervalMs: 50, suspicionTimeoutMs } });
      expect(last(world).knobs.suspicionTimeoutMs).toBe(suspicionTimeoutMs);
      pass(world, 1_000);
      world.answering.delete(LFD1);
      const stoppedAtMs = world.nowMs;
      pass(world, 3_000);
      const fault = world.sent.find((one) => one.message.kind === "fault");
      expect(fault?.message).toMatchObject({ verdict: "suspected", hostId: "h1", replica: null });
      const tookMs = (fault?.atMs ?? 0) - stoppedAtMs;
      expect(tookMs).toBeGreaterThanOrEqual((suspicionTimeoutMs * 2) / 3);
      expect(tookMs).toBeLessThanOrEqual(suspicionTimeoutMs + 50);
      world.answering.add(LFD1);
      say(world, LFD1, lfdHello(LFD1), {
        kind: "heartbeat-answer",
        sequence: world.gfd.hosts.get(hostId("h1"))?.heartbeats.lastSequence ?? 0,
        pulse: { workCount: 0, eventLoopDelayMs: 0, heapBytes: 0, oldestFsyncMs: 0, stuckMs: 0, executing: null },
        report: null,
      });
      expect(last(world).hosts[0]?.verdict).toBe("alive");
    }
  });

  test("after its own absence the GFD suspects nobody for it", () => {
    const world = started();
    pass(world, 1_010);
    world.answering.clear();
    pass(world, 60);
    world.nowMs += 20_000;
    give(world, { kind: "woken" });
    world.answering.add(LFD1);
    pass(world, 1_000);
    expect(world.sent.some((one) => one.message.kind === "fault")).toBe(false);
  });

  test("faults that an LFD saw are passed on to the subscribers as they are, with the time detection took", () => {
    const world = started();
    const fault: Message = {
      kind: "fault",
      hostId: hostId("h1"),
      replica: replicaId("counter-1"),
      bootId: null,
      verdict: "gone",
      reason: "killed by SIGKILL",
      detectionMs: 3,
    };
    say(world, LFD1, lfdHello(LFD1), fault);
    expect(world.sent.at(-1)).toMatchObject({ connection: RM, message: fault });
    say(world, 77, hello("client", "7", null), { ...fault, reason: "invented" });
    expect(world.sent.some((one) => one.message.kind === "fault" && one.message.reason === "invented")).toBe(false);
  });

  test("only the RM changes knobs and expectations; anyone may ask whether the GFD is there", () => {
    const world = started();
    const client = hello("client", "7", null);
    say(world, 77, client, { kind: "configure-detector", knobs: { heartbeatIntervalMs: 1, suspicionTimeoutMs: 2 } });
    say(world, 77, client, { kind: "expect-hosts", hosts: [] });
    expect(world.gfd.knobs.heartbeatIntervalMs).toBe(50);
    expect(world.gfd.expected).toEqual(["h1"]);
    say(world, 77, client, { kind: "heartbeat", sequence: 8 });
    expect(world.sent.at(-1)).toMatchObject({ connection: 77, message: { kind: "heartbeat-answer", sequence: 8 } });
    say(world, RM, rm, { kind: "configure-detector", knobs: { heartbeatIntervalMs: 0, suspicionTimeoutMs: 2 } });
    expect(world.gfd.knobs.heartbeatIntervalMs).toBe(50);
  });
});
