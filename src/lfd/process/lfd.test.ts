import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startGfd } from "../../gfd/process/gfd.js";
import { readAddress } from "../../runtime/address-file.js";
import { type Child, reap, spawnChild } from "../../runtime/child.js";
import { type Dialer, dial } from "../../runtime/dialer.js";
import { logPath, logSizeBytes, olderLogPath } from "../../runtime/log-file.js";
import { isAlive } from "../../runtime/process-info.js";
import { bootId, clusterId, groupName, replicaId } from "../../vocabulary/ids.js";
import { LIMITS, PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Message, Role } from "../../vocabulary/message.js";
import type { ReplicaObservation } from "../../vocabulary/message-detection.js";
import type { GroupSpec } from "../../vocabulary/spec.js";

/** A real LFD and real (stand-in) servers, killed and stopped; the GFD and the RM's connections are this test's. */
const CLUSTER_ID = clusterId("c".repeat(32));
const R1 = replicaId("counter-1");
const R2 = replicaId("counter-2");
const cache = fileURLToPath(new URL("../../../.cache/lfd-test", import.meta.url));
const serverProgram = join(cache, "stand-in-server.mjs");
const lfdProgram = join(cache, "lfd-main.mjs");

type Membership = Extract<Message, { kind: "membership" }>;

let dir: string;
let lfd: Child;
let gfd: { close(): Promise<void> };
let subscriber: Dialer;
let rm: Dialer;
let heard: Message[];
let waiting: (() => void)[];
let ticket: number;

beforeAll(() => {
  for (const [entry, outfile] of [
    ["stand-in-server.ts", serverProgram],
    ["lfd-main.ts", lfdProgram],
  ] as const) {
    const source = fileURLToPath(new URL(`./fixtures/${entry}`, import.meta.url));
    buildSync({ entryPoints: [source], outfile, bundle: true, platform: "node", format: "esm", packages: "external", target: "node20" });
  }
});

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "troupe-lfd-"));
  heard = [];
  waiting = [];
  ticket = 0;
  gfd = await startGfd({ dir, clusterId: CLUSTER_ID, knobs: { heartbeatIntervalMs: 50, suspicionTimeoutMs: 500 } });
  lfd = await spawnLfd();
  subscriber = connectTo("gfd", "gateway");
  rm = connectTo("lfd", "rm");
  await until(() => subscriber.connection !== null && rm.connection !== null, "connections to GFD and LFD");
  subscriber.connection?.send({ kind: "subscribe-membership" });
});

afterEach(async () => {
  subscriber.close();
  rm.close();
  await gfd.close();
  reap(dir);
  await until(() => readdirSync(join(dir, "run", "processes")).every((name) => !aliveRecord(name)), "the end of all processes");
  rmSync(dir, { recursive: true, force: true });
});

function aliveRecord(name: string): boolean {
  const record = JSON.parse(readFileSync(join(dir, "run", "processes", name), "utf8"));
  return isAlive(record.pid, record.startTime);
}

async function spawnLfd(): Promise<Child> {
  const args = [lfdProgram, dir, CLUSTER_ID, serverProgram];
  const spawning = await spawnChild({ dir, name: "lfd", command: process.execPath, args, lifeline: "own", onExit: () => {} });
  if (!spawning.ok) throw new Error(spawning.reason);
  return spawning.child;
}

function connectTo(name: string, role: Role): Dialer {
  return dial({
    address: () => readAddress(dir, name),
    hello: () => ({
      kind: "hello",
      protocolVersion: PROTOCOL_VERSION,
      clusterId: CLUSTER_ID,
      role,
      bootId: bootId("e".repeat(32)),
      group: null,
      replica: null,
      incarnation: null,
      hostId: null,
    }),
    accepts: () => null,
    onOpen: wake,
    onMessage: (_connection, message) => {
      heard.push(message);
      wake();
    },
    onClose: wake,
    backoffMinMs: 10,
    backoffMaxMs: 50,
    connectTimeoutMs: 1_000,
  });
}

function wake(): void {
  for (const look of [...waiting]) look();
}

/** Looks again at everything that is heard, and now and then in any case. */
function until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!condition()) return;
      finish();
      resolve();
    };
    const timer = setInterval(look, 20);
    const limit = setTimeout(() => {
      finish();
      reject(new Error(`waited in vain for ${what}; the last membership: ${JSON.stringify(membership())}`));
    }, timeoutMs);
    function finish() {
      clearInterval(timer);
      clearTimeout(limit);
      waiting.splice(waiting.indexOf(look), 1);
    }
    waiting.push(look);
    look();
  });
}

function membership(): Membership | undefined {
  return heard.filter((message): message is Membership => message.kind === "membership").at(-1);
}

function seen(replica: ReplicaObservation["replica"]): ReplicaObservation | undefined {
  return membership()?.hosts[0]?.replicas.find((one) => one.replica === replica);
}

function spec(service: string): GroupSpec {
  return {
    group: groupName("counter"),
    service: { name: service, hash: "h", path: "/none.mjs", styles: ["active"] },
    style: "active",
    replicas: 2,
    minimumReplicas: 1,
    quorum: "majority",
    durability: "disk",
    checkpointEntries: 100,
    handlerTimeoutMs: 5_000,
    onLoss: "wait",
  };
}

async function order(message: (ticket: number) => Message): Promise<string | null> {
  ticket += 1;
  const own = ticket;
  rm.connection?.send(message(own));
  const answer = () => heard.find((one) => one.kind === "order-done" && one.ticket === own);
  await until(() => answer() !== undefined, `the answer to order ${own}`);
  const found = answer();
  return found?.kind === "order-done" ? found.error : "no answer";
}

async function start(replica: typeof R1, service = "well"): Promise<void> {
  expect(await order((own) => ({ kind: "start-replica", ticket: own, spec: spec(service), replica }))).toBeNull();
}

async function member(replica: typeof R1): Promise<{ pid: number; boot: ReplicaObservation["bootId"] }> {
  await until(() => seen(replica)?.counted === true && seen(replica)?.verdict === "alive", `${replica} to count`);
  return { pid: seen(replica)?.pid ?? 0, boot: seen(replica)?.bootId ?? null };
}

describe("LFD and GFD as processes", () => {
  test("servers are started, counted, killed from outside and found gone; started again they have another boot id", async () => {
    await start(R1);
    await start(R2);
    const first = await member(R1);
    await member(R2);
    expect(membership()?.memberCount).toBe(2);
    process.kill(first.pid, "SIGKILL");
    await until(() => seen(R1)?.verdict === "gone" && seen(R1)?.reason === "killed by SIGKILL", "the verdict gone and its reason");
    expect(seen(R1)?.bootId).toBe(first.boot);
    expect(membership()?.memberCount).toBe(1);
    expect(heard).toContainEqual(expect.objectContaining({ kind: "fault", replica: R1, verdict: "gone" }));
    await start(R1);
    expect((await member(R1)).boot).not.toBe(first.boot);
  });

  test("a crash at start is reported with exit code and last words", async () => {
    await start(R1, "crash");
    await until(() => seen(R1)?.verdict === "gone" && seen(R1)?.reason !== "its process has ended", "the verdict gone and its reason");
    expect(seen(R1)?.reason).toBe("ended before it registered: exit code 3; its log ends: the service cannot be loaded");
  });

  test("a server's full log is begun anew; those of components are left to whoever starts them", async () => {
    await start(R1);
    await member(R1);
    for (const name of [R1, "lfd"]) truncateSync(logPath(dir, name), LIMITS.processLogSizeBytesMax + 1);
    await until(() => logSizeBytes(dir, R1) < LIMITS.processLogSizeBytesMax, "a new log");
    expect(statSync(olderLogPath(logPath(dir, R1))).size).toBeGreaterThan(LIMITS.processLogSizeBytesMax);
    expect(existsSync(olderLogPath(logPath(dir, "lfd")))).toBe(false);
  });

  test("a stopped server and a hanging one are suspected, not killed, and come back", async () => {
    await start(R1);
    const { pid } = await member(R1);
    process.kill(pid, "SIGSTOP");
    await until(() => seen(R1)?.verdict === "suspected", "suspicion of the stopped one");
    process.kill(pid, "SIGCONT");
    await member(R1);
    process.kill(pid, "SIGUSR2");
    await until(() => seen(R1)?.verdict === "suspected", "suspicion of the hanging one");
    expect(seen(R1)?.reason).toMatch(/^no heartbeat for/);
    expect((await member(R1)).pid).toBe(pid);
  });

  test("an LFD killed and started again adopts its servers, notices which one died meanwhile, and kills by order what it adopted", async () => {
    await start(R1);
    await start(R2);
    const adopted = await member(R1);
    const dead = await member(R2);
    process.kill(lfd.pid, "SIGKILL");
    await until(() => membership()?.hosts[0]?.verdict === "suspected", "the host to be uncertain");
    expect(seen(R1)?.verdict).toBe("alive");
    process.kill(dead.pid, "SIGKILL");
    lfd = await spawnLfd();
    await until(() => membership()?.hosts[0]?.verdict === "alive" && seen(R2)?.verdict === "gone", "the new LFD's report");
    await until(() => membership()?.hosts[0]?.complete === true, "completeness");
    expect(await member(R1)).toEqual(adopted);
    await until(() => rm.connection !== null, "the RM's connection");
    const wrong = await order((own) => ({
      kind: "kill-replica",
      ticket: own,
      replica: R1,
      bootId: dead.boot,
      discard: true,
      reason: "test",
    }));
    expect(wrong).toMatch(/another process/);
    process.kill(adopted.pid, "SIGSTOP");
    expect(
      await order((own) => ({ kind: "kill-replica", ticket: own, replica: R1, bootId: adopted.boot, discard: true, reason: "test" })),
    ).toBeNull();
    await until(() => seen(R1) === undefined, "the replica to leave the table");
  });

  test("pause and resume by order", async () => {
    await start(R1);
    const { pid } = await member(R1);
    expect(await order((own) => ({ kind: "signal-replica", ticket: own, replica: R1, signal: "stop" }))).toBeNull();
    await until(() => seen(R1)?.verdict === "suspected" && seen(R1)?.paused === true, "paused");
    expect(await order((own) => ({ kind: "signal-replica", ticket: own, replica: R1, signal: "continue" }))).toBeNull();
    expect((await member(R1)).pid).toBe(pid);
  });
});
