import { describe, expect, test } from "vitest";
import { bootId } from "../../vocabulary/ids.js";
import {
  absent,
  createWorld,
  effectsOf,
  faults,
  give,
  lastSnapshot,
  order,
  ordersDone,
  pass,
  R1,
  R2,
  RM,
  register,
  seen,
  spawned,
  startOrder,
  startServer,
} from "./host.test-world.js";
import { decodeTable } from "./table.js";

const kill = (boot: string | null, discard: boolean) =>
  ({ kind: "kill-replica", ticket: 9, replica: R1, bootId: boot === null ? null : bootId(boot), discard, reason: "evicted" }) as const;

describe("orders of the RM", () => {
  test("a server is started only after the table that names it is on disk", () => {
    const world = createWorld();
    world.savesTables = false;
    order(world, startOrder(R1));
    expect(effectsOf(world, "spawn-server")).toEqual([]);
    const [save] = effectsOf(world, "save-table");
    give(world, { kind: "table-saved", version: (save?.version ?? 0) - 1 });
    expect(effectsOf(world, "spawn-server")).toEqual([]);
    expect(save?.table.rows).toMatchObject([{ replica: R1, pid: null, ended: false }]);
    give(world, { kind: "table-saved", version: save?.version ?? 0 });
    expect(effectsOf(world, "spawn-server")).toMatchObject([{ replica: R1 }]);
    expect(ordersDone(world)).toEqual([]);
    spawned(world, R1);
    expect(ordersDone(world)).toEqual([{ kind: "order-done", ticket: 1, error: null }]);
  });

  test("a doubled start order starts nothing twice", () => {
    const world = createWorld();
    startServer(world, R1);
    order(world, startOrder(R1, 2));
    expect(effectsOf(world, "spawn-server")).toHaveLength(1);
    expect(ordersDone(world).map((done) => [done.ticket, done.error])).toEqual([
      [1, null],
      [2, null],
    ]);
  });

  test("a pause is answered once a restarted LFD would know of it", () => {
    const world = createWorld();
    const { pid } = startServer(world, R1);
    const before = ordersDone(world).length;
    world.savesTables = false;
    order(world, { kind: "signal-replica", ticket: 7, replica: R1, signal: "stop" });
    expect(effectsOf(world, "signal-process")).toMatchObject([{ pid, signal: "SIGSTOP" }]);
    expect(ordersDone(world)).toHaveLength(before);
    const [save] = effectsOf(world, "save-table").slice(-1);
    expect(save).toMatchObject({ urgent: true, table: { rows: [{ replica: R1, paused: true }] } });
    give(world, { kind: "table-saved", version: save?.version ?? 0 });
    expect(ordersDone(world).slice(before)).toMatchObject([{ ticket: 7, error: null }]);
  });

  test("S1a: what a Replication Manager that was replaced still orders is refused, and it is told", () => {
    const world = createWorld();
    const { pid } = startServer(world, R1);
    const LATER = RM + 1;
    const knobs = { heartbeatIntervalMs: 10, suspicionTimeoutMs: 100 };
    order(world, { kind: "configure-detector", knobs, term: 3 });
    order(world, { kind: "configure-detector", knobs, term: 4 }, LATER);
    expect(world.sent.filter(({ message }) => message.kind === "later-term")).toMatchObject([
      { connection: RM, message: { kind: "later-term", term: 4 } },
    ]);
    const stop = { kind: "signal-replica", ticket: 7, replica: R1, signal: "stop" } as const;
    order(world, stop);
    order(world, kill(null, true));
    order(world, startOrder(R2, 8));
    order(world, { kind: "configure-detector", knobs: { ...knobs, heartbeatIntervalMs: 40 }, term: 3 });
    expect(ordersDone(world).slice(1)).toMatchObject(
      [7, 9, 8].map((ticket) => ({ ticket, error: expect.stringMatching(/term 3.*term 4/) })),
    );
    expect(effectsOf(world, "signal-process")).toEqual([]);
    expect(effectsOf(world, "spawn-server")).toHaveLength(1);
    expect(lastSnapshot(world).knobs).toEqual(knobs);
    order(world, stop, LATER);
    expect(effectsOf(world, "signal-process")).toMatchObject([{ pid, signal: "SIGSTOP" }]);
  });

  test("how a process ended is told afterwards where its successor was ordered before its parent heard of it, once and of no other", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    server.view = absent();
    give(world, { kind: "connection-closed", connection: server.connection });
    expect(faults(world)).toMatchObject([{ verdict: "gone", reason: "its process is gone" }]);
    order(world, startOrder(R1, 2));
    const exited = { kind: "process-exited", replica: R1, code: 70, signal: null, lastWords: "ENOSPC" } as const;
    for (const pid of [server.pid - 1, server.pid, server.pid]) give(world, { ...exited, pid });
    const { bootId: boot } = server.hello;
    const told = faults(world).filter((fault) => fault.bootId === boot);
    expect(told.slice(1)).toMatchObject([{ verdict: "gone", reason: "exit code 70; its log ends: ENOSPC" }]);
    expect(seen(world, R1)).toMatchObject({ bootId: null, verdict: "alive" });
    expect(register(world, R1, spawned(world, R1)).pid).toBe(seen(world, R1).pid);
  });

  test("a failed spawn is reported and is certain", () => {
    const world = createWorld();
    order(world, startOrder(R1));
    give(world, { kind: "spawn-failed", replica: R1, reason: "EACCES" });
    expect(ordersDone(world)).toMatchObject([{ ticket: 1, error: expect.stringContaining("EACCES") }]);
    expect(seen(world, R1).verdict).toBe("gone");
  });

  test("S5c: a kill that names another boot id leaves the process alone", () => {
    const world = createWorld();
    startServer(world, R1);
    order(world, kill("f".repeat(32), false));
    expect(effectsOf(world, "signal-process")).toEqual([]);
    expect(ordersDone(world).at(-1)).toMatchObject({ ticket: 9, error: expect.stringContaining("another process") });
  });

  test("a kill is answered once the process has certainly ended, and is sent again when it shows no effect", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    order(world, kill(server.hello.bootId, false));
    pass(world, 600);
    expect(effectsOf(world, "signal-process").map((effect) => effect.signal)).toEqual(["SIGKILL", "SIGKILL"]);
    expect(ordersDone(world)).toHaveLength(1);
    give(world, { kind: "process-exited", replica: R1, pid: server.pid, code: null, signal: "SIGKILL", lastWords: "" });
    expect(ordersDone(world).at(-1)).toEqual({ kind: "order-done", ticket: 9, error: null });
    expect(seen(world, R1).verdict).toBe("gone");
    expect(effectsOf(world, "set-aside-folder")).toEqual([]);
  });

  test("a kill that comes while the server is being started strikes as soon as its pid is known, or stops the start", () => {
    const world = createWorld();
    order(world, startOrder(R1));
    order(world, kill(null, false));
    const pid = spawned(world, R1);
    expect(effectsOf(world, "signal-process")).toMatchObject([{ pid, signal: "SIGKILL" }]);
    const other = createWorld();
    other.savesTables = false;
    order(other, startOrder(R1));
    order(other, kill(null, false));
    give(other, { kind: "table-saved", version: 99 });
    expect(effectsOf(other, "spawn-server")).toEqual([]);
    expect(ordersDone(other)).toMatchObject([
      { ticket: 1, error: expect.stringContaining("a kill came first") },
      { ticket: 9, error: null },
    ]);
  });

  test("discard: process, then folder, then row of the table, then the answer", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    order(world, kill(server.hello.bootId, true));
    expect(effectsOf(world, "set-aside-folder")).toEqual([]);
    give(world, { kind: "process-exited", replica: R1, pid: server.pid, code: null, signal: "SIGKILL", lastWords: "" });
    pass(world, 100);
    expect(effectsOf(world, "set-aside-folder")).toHaveLength(1);
    expect(ordersDone(world)).toHaveLength(1);
    world.savesTables = false;
    give(world, { kind: "folder-set-aside", replica: R1, error: null });
    give(world, { kind: "table-saved", version: (effectsOf(world, "save-table").at(-1)?.version ?? 0) - 1 });
    expect(ordersDone(world)).toHaveLength(1);
    give(world, { kind: "table-saved", version: effectsOf(world, "save-table").at(-1)?.version ?? 0 });
    expect(ordersDone(world).at(-1)).toEqual({ kind: "order-done", ticket: 9, error: null });
    expect(lastSnapshot(world).replicas).toEqual([]);
  });

  test("a second process of a replica that runs is turned away; after the first has ended it is welcome", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    register(world, R1, 999);
    expect(effectsOf(world, "close")).toMatchObject([{ connection: 999, reason: expect.stringContaining("runs already") }]);
    give(world, { kind: "process-exited", replica: R1, pid: server.pid, code: 0, signal: null, lastWords: "" });
    register(world, R1, 999);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", pid: 999 });
  });

  test("orders of anyone but the RM close the connection", () => {
    const world = createWorld();
    const server = startServer(world, R1);
    give(world, { kind: "message-received", connection: server.connection, peer: server.hello, message: kill(null, true) });
    expect(effectsOf(world, "signal-process")).toEqual([]);
    expect(effectsOf(world, "close")).toHaveLength(1);
  });
});

describe("adoption after a restart of the LFD", () => {
  function restarted(survivorsMax = 2) {
    const before = createWorld();
    const servers = [startServer(before, R1), startServer(before, R2)];
    pass(before, 100);
    const decoded = decodeTable(JSON.parse(JSON.stringify(before.disk)));
    if (!decoded.ok) throw new Error(decoded.reason);
    const world = createWorld(decoded.table, 50_000, servers.slice(0, survivorsMax));
    return { world, servers };
  }

  test("complete only when all that the table names have registered again; nobody is suspected meanwhile", () => {
    const { world, servers } = restarted();
    pass(world, 500);
    expect(lastSnapshot(world)).toMatchObject({ complete: false });
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", counted: true });
    register(world, R1, servers[0]?.pid ?? 0);
    expect(lastSnapshot(world).complete).toBe(false);
    register(world, R2, servers[1]?.pid ?? 0);
    expect(lastSnapshot(world)).toMatchObject({ complete: true });
    expect(faults(world)).toEqual([]);
  });

  test("who does not return in time is suspected, and the snapshot is complete", () => {
    const { world, servers } = restarted();
    register(world, R1, servers[0]?.pid ?? 0);
    pass(world, 2_900);
    expect(lastSnapshot(world).complete).toBe(false);
    pass(world, 200);
    expect(lastSnapshot(world).complete).toBe(true);
    expect(seen(world, R2).verdict).toBe("suspected");
  });

  test("whom the former LFD died starting, and nobody has seen, is gone once it was waited for: nothing else would have it started", () => {
    const first = createWorld();
    order(first, startOrder(R1));
    const world = createWorld(first.disk, 5_000);
    order(world, startOrder(R1, 2));
    expect(ordersDone(world).at(-1)).toMatchObject({ ticket: 2, error: expect.stringContaining("may still register") });
    pass(world, 2_900);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", pid: null });
    pass(world, 200);
    expect(lastSnapshot(world).complete).toBe(true);
    expect(seen(world, R1)).toMatchObject({ verdict: "gone", reason: "was never seen to run" });
    startServer(world, R1);
    expect(seen(world, R1)).toMatchObject({ verdict: "alive", counted: true });
  });

  test("who died meanwhile is gone as soon as the kernel says so, and only then relaunched", () => {
    const { world } = restarted(1);
    order(world, startOrder(R1, 3));
    expect(ordersDone(world)).toMatchObject([{ ticket: 3, error: expect.stringContaining("may still register") }]);
    pass(world, 20);
    expect(seen(world, R2).verdict).toBe("gone");
    order(world, startOrder(R2, 4));
    expect(effectsOf(world, "spawn-server")).toMatchObject([{ replica: R2 }]);
  });

  test("a damaged table is refused rather than half believed", () => {
    expect(decodeTable({ formatVersion: 2, rows: [] }).ok).toBe(false);
    expect(decodeTable({ formatVersion: 1, rows: [{ group: "counter", replica: "__proto__" }] }).ok).toBe(false);
    expect(decodeTable(null).ok).toBe(false);
  });
});
