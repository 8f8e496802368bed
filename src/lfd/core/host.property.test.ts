import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createWorld,
  effectsOf,
  give,
  order,
  pass,
  R1,
  R2,
  register,
  running,
  seen,
  spawned,
  startOrder,
  type World,
} from "./host.test-world.js";
import { lfdNextWakeMs, stepLfd } from "./step.js";

/** What may befall a host, in any order. Two replicas; connections and processes come and go as they like. */
type Happening =
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "away"; readonly ms: number }
  | {
      readonly kind: "start" | "run" | "mute" | "answer" | "stop" | "continue" | "close" | "return" | "exit" | "reconfigure";
      readonly second: boolean;
    };

const kinds = ["start", "run", "mute", "answer", "stop", "continue", "close", "return", "exit", "reconfigure"] as const;
const happenings = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 400 }) }),
    fc.record({ kind: fc.constant("away" as const), ms: fc.integer({ min: 0, max: 5_000 }) }),
    fc.record({ kind: fc.constantFrom(...kinds), second: fc.boolean() }),
  ),
  { maxLength: 60 },
);

function happen(world: World, happening: Happening, ended: Set<number>): void {
  if (happening.kind === "pass") return pass(world, happening.ms);
  if (happening.kind === "away") {
    world.nowMs += happening.ms;
    return give(world, { kind: "woken" });
  }
  const replica = happening.second ? R2 : R1;
  const server = [...world.servers.values()].filter((one) => one.replica === replica && !ended.has(one.pid)).at(-1);
  switch (happening.kind) {
    case "start":
      return order(world, startOrder(replica));
    case "run":
      if (effectsOf(world, "spawn-server").filter((effect) => effect.replica === replica).length === 0) return;
      world.effects = world.effects.filter((effect) => !(effect.kind === "spawn-server" && effect.replica === replica));
      register(world, replica, spawned(world, replica));
      return;
    case "reconfigure":
      return order(world, {
        kind: "configure-detector",
        knobs: { heartbeatIntervalMs: happening.second ? 5 : 50, suspicionTimeoutMs: 200 },
      });
    default:
      if (server !== undefined) befall(world, happening.kind, server, ended);
  }
}

type Server = World["servers"] extends Map<number, infer One> ? One : never;

function befall(
  world: World,
  kind: "mute" | "answer" | "stop" | "continue" | "close" | "return" | "exit",
  server: Server,
  ended: Set<number>,
): void {
  switch (kind) {
    case "mute":
    case "answer":
      server.answers = kind === "answer";
      return;
    case "stop":
    case "continue":
      server.view = { ...running(server.pid), state: kind === "stop" ? "stopped" : "running" };
      return;
    case "close":
      return give(world, { kind: "connection-closed", connection: server.connection });
    case "return":
      register(world, server.replica, server.pid, server.connection + 1_000);
      return;
    case "exit":
      ended.add(server.pid);
      server.view = { state: "zombie", startTime: 0, cpuMs: 0 };
      return give(world, { kind: "process-exited", replica: server.replica, pid: server.pid, code: 1, signal: null, lastWords: "" });
  }
}

describe("whatever befalls a host", () => {
  test("nobody is killed without an order, gone is said only of what has ended, and the core does not spin", () => {
    fc.assert(
      fc.property(happenings, (story) => {
        const world = createWorld();
        const ended = new Set<number>();
        for (const happening of story) {
          happen(world, happening, ended);
          expect(effectsOf(world, "signal-process")).toEqual([]);
          for (const watched of world.lfd.replicas.values()) {
            if (watched.verdict !== "gone") continue;
            expect([...world.servers.values()].some((one) => one.replica === watched.replica && ended.has(one.pid))).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("in the end, when all answer again, all that run are alive and counted", () => {
    fc.assert(
      fc.property(happenings, (story) => {
        const world = createWorld();
        const ended = new Set<number>();
        for (const happening of story) happen(world, happening, ended);
        for (const server of [...world.servers.values()]) {
          if (ended.has(server.pid)) continue;
          server.answers = true;
          server.view = running(server.pid);
          const again = register(world, server.replica, server.pid, server.connection + 10_000);
          again.answers = true;
        }
        pass(world, 1_000);
        for (const server of world.servers.values()) {
          if (!ended.has(server.pid)) expect(seen(world, server.replica)).toMatchObject({ verdict: "alive", counted: true });
        }
      }),
      { numRuns: 300 },
    );
  });

  test("the state is plain data: a copy of it goes the same way", () => {
    fc.assert(
      fc.property(happenings, (story) => {
        const world = createWorld();
        const ended = new Set<number>();
        for (const happening of story) happen(world, happening, ended);
        const copy = structuredClone(world.lfd);
        const wakeAtMs = Math.max(world.nowMs, Math.min(lfdNextWakeMs(world.lfd), world.nowMs + 100));
        const effects: unknown[][] = [[], []];
        stepLfd(world.lfd, wakeAtMs, { kind: "woken" }, (effects[0] ?? []) as never);
        stepLfd(copy, wakeAtMs, { kind: "woken" }, (effects[1] ?? []) as never);
        expect(effects[1]).toEqual(effects[0]);
        expect(copy).toEqual(world.lfd);
      }),
      { numRuns: 100 },
    );
  });
});
