import { openEmbeddedStore } from "../src/rm/process/embedded-store.js";
import { type ControlContent, emptyContent } from "../src/rm/core/content.js";
import { createMemoryDisk } from "../src/runtime/memory-disk.js";
import { defineService } from "../src/service/define-service.js";
import { serviceMachine } from "../src/service/service-machine.js";
import { encodeValue } from "../src/codec/value.js";
import type { SimulatedDisk } from "../src/storage/simulated-disk.js";
import type { StoreConfig } from "../src/storage/store-command.js";
import { createRig, give, recovered, type Rig, settle } from "../src/storage/store.test-rig.js";
import type { Entry, EntryBody } from "../src/vocabulary/entry.js";
import type { Epoch } from "../src/vocabulary/epoch.js";
import { bootId, clusterId, groupName, hostId, incarnation, replicaId, sessionId } from "../src/vocabulary/ids.js";
import type { TableImage } from "../src/vocabulary/session.js";
import { DEFAULTS } from "../src/vocabulary/limit.js";
import type { View } from "../src/vocabulary/view.js";

/** A short life of a replica and of a Replication Manager, played through the real storage code: the same bytes at every time. */
export const GOLDEN_CONFIG: StoreConfig = {
  clusterId: clusterId("c".repeat(32)),
  group: groupName("bank"),
  replica: replicaId("bank-1"),
  durability: "disk",
  freshIncarnation: incarnation("0123456789abcdef0123456789abcdef"),
  segmentSizeBytes: 1200,
};

function viewOf(epoch: Epoch): View {
  return {
    group: GOLDEN_CONFIG.group,
    generation: 1,
    epoch,
    members: [
      { replica: GOLDEN_CONFIG.replica, incarnation: GOLDEN_CONFIG.freshIncarnation },
      { replica: replicaId("bank-2"), incarnation: incarnation("2".repeat(32)) },
    ],
    leader: GOLDEN_CONFIG.replica,
    style: epoch[0] === 3 ? "active" : "warm-passive",
    quorum: 2,
    durability: "disk",
  };
}

const accounts = defineService({
  name: "bank",
  state: () => ({ balances: new Map<string, number>([["ann", 10]]) }),
  operations: {
    deposit: (state, input: { account: string; amount: number }) => {
      const balance = (state.balances.get(input.account) ?? 0) + input.amount;
      state.balances.set(input.account, balance);
      return balance;
    },
  },
  queries: {},
});

const INPUT = encodeValue({ account: "ann", amount: 5 });
const SESSION = sessionId(1, 2, "ab");
const IDENTITY = { kind: "session", session: SESSION, resumption: 0, sequence: 1, floor: 1 } as const;
const KEY = { kind: "key", key: "payment-7" } as const;

/** Of the real service: what one deposit answers and changes, and the slices of the state after it. */
function playService() {
  const machine = serviceMachine(accounts);
  const call = { ticket: 1, requestKey: "k:payment-7", operation: "deposit", input: INPUT, nowMs: 1_000, seed: 1, settled: false };
  const outcome = machine.execute(call);
  if (outcome instanceof Promise) throw new Error("the deposit is not asynchronous");
  machine.release(1);
  const capture = machine.capture();
  const slices: Uint8Array[] = [];
  for (let slice = capture.next(); slice !== null; slice = capture.next()) slices.push(slice);
  capture.close();
  return { ...outcome, slices };
}

const { reply, redo, slices } = playService();
export const STATE_SLICES: readonly Uint8Array[] = slices;

export const LOG_TIME_MS = 1_700_000_000_000;

const entry = (index: number, term: number, body: EntryBody): Entry => ({ index, epoch: [term, 1], ageMs: index * 10.5, body });
const request = (index: number, term: number, identity: typeof IDENTITY | typeof KEY): Entry =>
  entry(index, term, { kind: "request", identity, digest: 77, operation: "deposit", input: INPUT, nowMs: LOG_TIME_MS, seed: 42 });

/** Each kind of entry; 8 is written twice, since the first one is cut off. */
export const FIRST_ENTRIES: readonly Entry[] = [
  entry(1, 3, { kind: "start", view: viewOf([3, 1]), poison: [] }),
  entry(2, 3, { kind: "session-opened", nonce: "ab" }),
  request(3, 3, IDENTITY),
  entry(4, 3, { kind: "update", identity: KEY, digest: 78, reply, redo }),
  entry(5, 3, { kind: "session-resumed", session: SESSION }),
  entry(6, 3, { kind: "sessions-renewed", sessions: [SESSION] }),
  entry(7, 3, { kind: "keys-expired", belowAgeMs: 30 }),
];
export const CUT_ENTRY: Entry = request(8, 3, KEY);
export const LAST_ENTRIES: readonly Entry[] = [
  entry(8, 4, { kind: "start", view: viewOf([4, 1]), poison: [KEY] }),
  entry(9, 4, { kind: "sessions-expired", sessions: [SESSION] }),
];

export const SNAPSHOT_INDEX = 4;
export const TABLE: TableImage = {
  sessions: [{ session: SESSION, resumption: 0, floor: 1, renewedAtAgeMs: 21, replies: [[1, { index: 3, digest: 77, reply }]] }],
  keys: [{ key: KEY.key, atAgeMs: 42, reply: { index: 4, digest: 78, reply } }],
};

function persist(rig: Rig, entries: readonly Entry[], truncateAfter: number | null = null): void {
  give(rig, { kind: "persist", ticket: 1, truncateAfter, entries });
  settle(rig);
}

function promise(rig: Rig, epoch: Epoch): void {
  give(rig, { kind: "persist-promise", ticket: 2, promise: epoch, activeView: viewOf(epoch), blank: false });
  settle(rig);
}

function playReplica(): SimulatedDisk {
  const rig = createRig(undefined, GOLDEN_CONFIG);
  recovered(rig);
  promise(rig, [3, 1]);
  persist(rig, FIRST_ENTRIES.slice(0, 2));
  persist(rig, FIRST_ENTRIES.slice(2));
  persist(rig, [CUT_ENTRY]);
  give(rig, {
    kind: "begin-snapshot",
    index: SNAPSHOT_INDEX,
    epoch: [3, 1],
    ageMs: 42,
    generation: 1,
    logTimeMs: LOG_TIME_MS,
    table: TABLE,
  });
  for (const bytes of STATE_SLICES) give(rig, { kind: "snapshot-slice", bytes });
  give(rig, { kind: "finish-snapshot" });
  settle(rig);
  promise(rig, [4, 1]);
  persist(rig, LAST_ENTRIES, 7);
  return rig.disk;
}

/** Of the control store: what its owner has written last. */
export function goldenContent(): ControlContent {
  const detectors = { lfd: DEFAULTS.lfd, gfd: DEFAULTS.gfd };
  const view = viewOf([4, 1]);
  const record = {
    spec: {
      group: view.group,
      service: { name: "bank", hash: "5".repeat(64), path: "/srv/troupe/services/5.mjs", styles: ["active", "warm-passive"] as const },
      style: view.style,
      replicas: 2,
      minimumReplicas: 1,
      quorum: "majority" as const,
      durability: "disk" as const,
      checkpointEntries: 10_000,
      handlerTimeoutMs: 5_000,
      onLoss: "wait" as const,
    },
    activeView: view,
    founders: view.members,
    leaderEnds: [{ epoch: view.epoch, bootId: bootId("b".repeat(32)), executing: "k:order-66" }],
    replicas: view.members.map(({ replica }) => ({ replica, host: hostId("host-1"), leaving: false })),
    nextReplicaNumber: 3,
  };
  const empty = emptyContent(GOLDEN_CONFIG.clusterId, bootId("b".repeat(32)), detectors);
  return { ...empty, term: 4, hosts: [hostId("host-1")], groups: [record] };
}

async function playControl(): Promise<Uint8Array> {
  const disk = createMemoryDisk();
  const store = await openEmbeddedStore(disk);
  const content = goldenContent();
  const groups = content.groups.map((group) => ({ ...group, activeView: null }));
  await store.swap(0, { ...content, groups });
  await store.swap(1, content);
  return new Promise((resolve, reject) => {
    disk.submit({ kind: "read", ticket: 1, path: "control", offsetBytes: 0, sizeBytes: 1 << 20 }, (read) => {
      // What follows the record is room for a longer one, and says nothing.
      if (read.kind === "read-done") resolve(read.bytes.subarray(0, read.bytes.findLastIndex((byte) => byte !== 0) + 1));
      else reject(new Error("there is no control file"));
    });
  });
}

/** Every file by its name, as this release writes it. */
export async function goldenFiles(): Promise<Map<string, Uint8Array>> {
  const disk = playReplica();
  const files = new Map([...disk.names].map(([name, number]) => [name, disk.files.get(number)?.now ?? new Uint8Array(0)]));
  return files.set("control", await playControl());
}
