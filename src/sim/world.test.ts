/** That what the world does to processes, connections and disks takes effect, as it is said. */
import { describe, expect, test } from "vitest";
import type { DiskCompletion, DiskOperation } from "../vocabulary/disk.js";
import { bootId, clusterId, groupName, hostId, incarnation } from "../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../vocabulary/limit.js";
import type { Hello, Message } from "../vocabulary/message.js";
import { GROUP, SAMPLES } from "../codec/message.test-samples.js";
import { createChance } from "./chance.js";
import { createSimDisk, cutFile, flipBit, killDisk, loseFile, powerOffDisk, submitToDisk } from "./disk.js";
import type { SimDisk } from "./disk-state.js";
import { createNetwork, dial, linkName, listen, resetOne, resume, type Network, type SimConnection } from "./network.js";
import { run } from "./scene.test-harness.js";
import { drawPlan } from "./swarm.js";
import { drawDamage } from "./wire.js";
import {
  addHost,
  continueProcess,
  createWorld,
  endProcess,
  localMs,
  reach,
  startProcess,
  stopProcess,
  timer,
  turnSoon,
  wallMs,
} from "./world.js";
import type { SimProcess, World, WorldSettings } from "./world.js";

const CALM: WorldSettings = {
  ...drawPlan(1).settings,
  codec: true,
  delayMinMs: 1,
  delayMaxMs: 2,
  tailProbability: 0,
  replayProbability: 0,
};

function newWorld(settings: Partial<WorldSettings> = {}, seed = 1): World {
  return createWorld(seed, { ...CALM, ...settings }, null);
}

describe("a process", () => {
  test("that goes on finds its expired timers first, then what came for it, then its turns", () => {
    const world = newWorld();
    const process = startProcess(world, addHost(world, hostId("a")), "p", null);
    const seen: string[] = [];
    timer(world, process, 10, () => seen.push("timer"));
    turnSoon(world, process, 5, () => seen.push("turn"));
    stopProcess(world, process);
    reach(process, () => seen.push("message"));
    run(world, 100);
    expect(seen).toEqual([]);
    continueProcess(world, process);
    expect(seen).toEqual(["timer", "message", "turn"]);
  });

  test("that is dead gets nothing", () => {
    const world = newWorld();
    const process = startProcess(world, addHost(world, hostId("a")), "p", null);
    const seen: string[] = [];
    timer(world, process, 10, () => seen.push("timer"));
    stopProcess(world, process);
    reach(process, () => seen.push("message"));
    endProcess(world, process, null, "SIGKILL");
    continueProcess(world, process);
    run(world, 100);
    expect(seen).toEqual([]);
  });

  test("that is slow takes its turns later", () => {
    const world = newWorld();
    const process = startProcess(world, addHost(world, hostId("a")), "p", null);
    process.slowness = 20;
    let at = 0;
    turnSoon(world, process, 1, () => {
      at = world.nowMs;
    });
    run(world, 100);
    expect(at).toBe(20);
  });
});

test("clocks of hosts are apart, and drift apart", () => {
  const world = newWorld();
  const [a, b] = [addHost(world, hostId("a")), addHost(world, hostId("b"))];
  const apart = localMs(world, a) - localMs(world, b);
  run(world, 60_000);
  expect(Math.abs(apart)).toBeGreaterThan(1);
  expect(Math.abs(localMs(world, a) - localMs(world, b) - apart)).toBeGreaterThan(1);
});

test("wall clocks of hosts run at paces of their own, and jump when they are set", () => {
  const world = newWorld({ wallDriftMax: 0.5 });
  const [a, b] = [addHost(world, hostId("a")), addHost(world, hostId("b"))];
  const before = [wallMs(world, a), wallMs(world, b)] as const;
  run(world, 10_000);
  const passed = [wallMs(world, a) - before[0], wallMs(world, b) - before[1]] as const;
  expect(Math.abs(passed[0] - passed[1])).toBeGreaterThan(100);
  for (const each of passed) expect(Math.abs(each - 10_000)).toBeLessThan(5_001);
  a.wallOffsetMs -= 3_000;
  expect(wallMs(world, a)).toBe(before[0] + passed[0] - 3_000);
});

/** A client on one host that keeps connections to a server on another. */
interface Line {
  readonly world: World;
  readonly network: Network;
  readonly clients: SimConnection[];
  readonly servers: SimConnection[];
  /** What the server has received: the connection's number and the ticket. */
  readonly received: [number, number][];
  readonly answered: number[];
  /** Who has heard that a connection is closed. */
  readonly closed: string[];
}

function helloOf(process: SimProcess): Hello {
  const nobody = { group: GROUP, replica: null, incarnation: null, hostId: process.host.hostId };
  const named = { kind: "hello", protocolVersion: PROTOCOL_VERSION, clusterId: clusterId("c".repeat(32)), role: "client" } as const;
  return { ...named, ...nobody, bootId: bootId(`${process.pid}`.padStart(32, "0")) };
}

function newLine(settings: Partial<WorldSettings> = {}, connections = 1, seed = 1): Line {
  const world = newWorld(settings, seed);
  const network = createNetwork();
  const line: Line = { world, network, clients: [], servers: [], received: [], answered: [], closed: [] };
  const server = startProcess(world, addHost(world, hostId("b")), "server", null);
  const address = listen(world, network, server, null, {
    hello: () => helloOf(server),
    accepts: () => null,
    onOpen: (connection) => void line.servers.push(connection),
    onMessage: (connection, message) =>
      void ("ticket" in message && line.received.push([line.servers.indexOf(connection), message.ticket])),
    onClose: () => void line.closed.push("server"),
  });
  const client = startProcess(world, addHost(world, hostId("a")), "client", null);
  for (let i = 0; i < connections; i++)
    dial(world, network, client, {
      hello: () => helloOf(client),
      accepts: () => null,
      address: () => address,
      backoffMinMs: 10,
      backoffMaxMs: 20,
      onOpen: (connection) => void line.clients.push(connection),
      onMessage: (_, message) => void ("ticket" in message && line.answered.push(message.ticket)),
      onClose: () => void line.closed.push("client"),
    });
  run(world, 100);
  return line;
}

function question(ticket: number): Message {
  return { kind: "query", ticket, query: "q", input: new Uint8Array(0), consistency: "any", atLeastIndex: 0 };
}

describe("a connection", () => {
  test("that is cut one way holds back what goes that way, and nothing else", () => {
    const { world, network, clients, servers, received, answered } = newLine();
    network.cuts.add(linkName(hostId("a"), hostId("b")));
    clients[0]?.send(question(1));
    clients[0]?.send(question(2));
    servers[0]?.send(question(3));
    run(world, 1_000);
    expect([received, answered]).toEqual([[], [3]]);
    network.cuts.clear();
    resume(world, network);
    run(world, 100);
    expect(received).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  test("is overtaken by another, and keeps its own order", () => {
    const { world, clients, received } = newLine({ delayMinMs: 0, delayMaxMs: 50 }, 2);
    for (let ticket = 1; ticket <= 40; ticket++) clients[ticket % 2]?.send(question(ticket));
    run(world, 1_000);
    const tickets = received.map(([, ticket]) => ticket);
    expect(tickets).not.toEqual([...tickets].sort((a, b) => a - b));
    for (const each of [0, 1]) {
      const own = received.filter(([connection]) => connection === each).map(([, ticket]) => ticket);
      expect(own).toHaveLength(20);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  });

  test("that is slow in one direction is late there", () => {
    const { world, network, clients, servers, received, answered } = newLine();
    network.slow.set(linkName(hostId("a"), hostId("b")), 100_000);
    clients[0]?.send(question(1));
    servers[0]?.send(question(2));
    run(world, 10);
    expect([received, answered]).toEqual([[], [2]]);
  });

  test("brings a message a second time, seconds later too", () => {
    const { world, clients, received } = newLine({ replayProbability: 1 });
    clients[0]?.send(question(1));
    run(world, 4_000);
    expect(received).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test("L5: ends for both at an entry that is damaged, with what was sent before it received and nothing after", () => {
    const { world, network, clients, received, closed } = newLine();
    network.damage = { ...drawDamage(createChance(1, "damage")), appendsLeft: 1 };
    const append: Message = {
      ...SAMPLES.append,
      prevIndex: 0,
      entries: SAMPLES.append.entries.map((entry, i) => ({ ...entry, index: i + 1 })),
    };
    expect(append.entries.length).toBeGreaterThan(0);
    for (const each of [append, question(1), append, question(2)]) clients[0]?.send(each);
    run(world, 200);
    expect([received, closed.sort(), world.marks.get("entry-damaged")]).toEqual([[[0, 1]], ["client", "server"], 1]);
    expect(clients).toHaveLength(2);
    clients[1]?.send(append);
    clients[1]?.send(question(3));
    run(world, 200);
    expect(received.at(-1)).toEqual([1, 3]);
  });

  test("that breaks has brought a beginning of what was sent, and another takes its place", () => {
    const counts = new Set<number>();
    for (let seed = 1; seed <= 10; seed++) {
      const { world, network, clients, received } = newLine({}, 1, seed);
      for (let ticket = 1; ticket <= 5; ticket++) clients[0]?.send(question(ticket));
      resetOne(world, network, () => true);
      run(world, 200);
      expect(received.map(([, ticket]) => ticket)).toEqual([1, 2, 3, 4, 5].slice(0, received.length));
      expect(clients).toHaveLength(2);
      counts.add(received.length);
    }
    expect(counts.size).toBeGreaterThan(2);
  });
});

/** A process with a disk, and what becomes of each thing that it asks. */
function newDisk(seed = 1): { world: World; disk: SimDisk; ask(operation: DiskOperation): DiskCompletion | null } {
  const world = newWorld({}, seed);
  const process = startProcess(world, addHost(world, hostId("a")), "p", null);
  const disk = createSimDisk();
  return {
    world,
    disk,
    ask(operation) {
      const done: DiskCompletion[] = [];
      submitToDisk(world, process, disk, operation, (completion) => void done.push(completion));
      run(world, 1_000);
      return done[0] ?? null;
    },
  };
}

const PATH = "segment-1";
const write = (offsetBytes: number, ...bytes: number[]): DiskOperation => ({
  ...{ kind: "write", ticket: 1, path: PATH, offsetBytes },
  chunks: [Uint8Array.from(bytes)],
});
const sync: DiskOperation = { kind: "sync", ticket: 1, path: PATH };

/** With a file of a hundred ones that is there for certain. */
function withFile(seed = 1): ReturnType<typeof newDisk> {
  const made = newDisk(seed);
  made.ask({ kind: "create", ticket: 1, path: PATH, sizeBytes: 0 });
  made.ask(write(0, ...Array.from({ length: 100 }, () => 1)));
  made.ask(sync);
  made.ask({ kind: "sync-folder", ticket: 1, path: "." });
  return made;
}

describe("a disk", () => {
  test("keeps through a loss of power what was synced, of the rest any part, and of a last write a piece", () => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const { world, disk, ask } = withFile(seed);
      ask(write(100, 2, 2, 2, 2));
      powerOffDisk(world.chance.disk, disk);
      const content = disk.files.get(PATH)?.content ?? new Uint8Array(0);
      expect([...content.subarray(0, 100)]).toEqual(Array.from({ length: 100 }, () => 1));
      ends.add(content.subarray(100).join(""));
    }
    expect([...ends]).toEqual(expect.arrayContaining(["", "2222"]));
    expect([...ends].some((end) => end === "2" || end === "22" || end === "222")).toBe(true);
  });

  test("forgets a name whose folder was not synced", () => {
    const there = new Set<boolean>();
    for (let seed = 1; seed <= 20; seed++) {
      const { world, disk, ask } = withFile(seed);
      ask({ kind: "rename", ticket: 1, path: PATH, toPath: "other" });
      powerOffDisk(world.chance.disk, disk);
      expect(disk.files.has(PATH)).toBe(!disk.files.has("other"));
      there.add(disk.files.has("other"));
    }
    expect(there.size).toBe(2);
  });

  test("has done of what a killed process asked for all, nothing, or a piece", () => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const { world, disk } = withFile(seed);
      disk.underWay.add(write(100, 3, 3, 3, 3));
      killDisk(world.chance.disk, disk);
      ends.add((disk.files.get(PATH)?.content ?? new Uint8Array(0)).subarray(100).join(""));
    }
    expect(ends.size).toBeGreaterThan(3);
  });

  test("that fails a sync does not make good for it with the next one", () => {
    const kept = new Set<boolean>();
    for (let seed = 1; seed <= 20; seed++) {
      const { world, disk, ask } = withFile(seed);
      ask(write(100, 4));
      disk.faults.failProbability = 1;
      expect(ask(sync)).toMatchObject({ kind: "failed", code: "EIO" });
      expect(ask(write(101, 5))).toMatchObject({ kind: "failed", code: "EIO" });
      disk.faults.failProbability = 0;
      expect(ask(sync)?.kind).toBe("done");
      powerOffDisk(world.chance.disk, disk);
      kept.add(disk.files.get(PATH)?.content.length === 101);
    }
    expect(kept.size).toBe(2);
  });

  test("that is full takes no write, and gives what it has", () => {
    const { disk, ask } = withFile();
    disk.faults.full = true;
    expect(ask(write(100, 6))).toMatchObject({ kind: "failed", code: "ENOSPC" });
    expect(ask({ kind: "read", ticket: 1, path: PATH, offsetBytes: 0, sizeBytes: 100 })?.kind).toBe("read-done");
  });

  const OWNER = { group: groupName("bank"), incarnation: incarnation("1".repeat(32)) };

  test("has one bit flipped, in the middle of a log or in a snapshot", () => {
    const { disk } = newDisk();
    const ones = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(1);
    for (const [path, sizeBytes] of [
      [PATH, 10_000],
      ["snapshot-9", 100],
    ] as const)
      disk.files.set(path, { content: ones(sizeBytes), durable: ones(sizeBytes), pending: [] });
    const struck = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) struck.add(flipBit(createChance(seed, "flip"), disk, OWNER)?.split(" ")[0] ?? "none");
    expect([...struck].sort()).toEqual([PATH, "snapshot-9"]);
    expect([...(disk.files.get(PATH)?.content ?? [])].findLastIndex((byte) => byte !== 1)).toBeLessThan(10_000 - 2_047);
  });

  test("loses a file for good, whatever the power takes after that", () => {
    const { world, disk } = withFile();
    const lost = loseFile(createChance(1, "loss"), disk);
    expect(lost).toBe(PATH);
    powerOffDisk(world.chance.disk, disk);
    expect([...disk.files.keys()]).toEqual([]);
    expect(loseFile(createChance(1, "loss"), disk)).toBeNull();
  });

  test("has a file cut before its end, and before what a segment was made with", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, disk, ask } = withFile();
      ask(write(100, 7));
      cutFile(createChance(seed, "cut"), disk, 60);
      const size = disk.files.get(PATH)?.content.length;
      expect(size).toBeLessThan(60);
      powerOffDisk(world.chance.disk, disk);
      expect(disk.files.get(PATH)?.content.length).toBe(size);
    }
  });
});
