import type { Entry } from "../vocabulary/entry.js";
import { bootId, clusterId, groupName, hostId, incarnation, replicaId, sessionId } from "../vocabulary/ids.js";
import type { Message, MessageKind } from "../vocabulary/message.js";
import type { ReplicaReport } from "../vocabulary/report.js";
import type { AddressBook, View } from "../vocabulary/view.js";

/** One message of every kind, and one entry of every kind: for golden vectors and mutations. A kind without a sample does not compile. */
export const GROUP = groupName("bank");
const replica = replicaId("bank-1");
const life = incarnation("a".repeat(32));
const boot = bootId("b".repeat(32));
const session = sessionId(1, 7, "00ff");
const bytes = new Uint8Array([1, 2, 3]);
const epoch = [3, 1] as const;
const host = hostId("host-1");
const knobs = { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 };

export const VIEW: View = {
  group: GROUP,
  generation: 1,
  epoch,
  members: [
    { replica, incarnation: life },
    { replica: replicaId("bank-2"), incarnation: incarnation("c".repeat(32)) },
  ],
  leader: replica,
  style: "active",
  quorum: 2,
  durability: "disk",
};

const book: AddressBook = {
  version: [3, 2],
  entries: [{ replica, hostId: host, address: { host: "127.0.0.1", port: 4000 }, bootId: boot }],
};
const identity = { kind: "session", session, resumption: 1, sequence: 5, floor: 4 } as const;

const report: ReplicaReport = {
  group: GROUP,
  replica,
  incarnation: life,
  bootId: boot,
  role: "leader",
  style: "active",
  promise: epoch,
  leadsEpoch: epoch,
  leadActive: true,
  activeView: VIEW,
  lastEpoch: epoch,
  lastIndex: 9,
  persistedIndex: 9,
  commitIndex: 8,
  appliedIndex: 8,
  blank: false,
  learners: [{ replica, incarnation: life, ackedIndex: 3, withinBound: false, transferredBytes: 10, transferSizeBytes: 100 }],
  unreachable: [],
  executedCount: 77,
};

const observed = {
  hostId: host,
  bootId: boot,
  pid: 12,
  address: { host: "127.0.0.1", port: 4001 },
  verdict: "alive",
  complete: true,
  knobs,
  replicas: [
    {
      group: GROUP,
      replica,
      incarnation: life,
      bootId: boot,
      pid: 13,
      address: null,
      verdict: "suspected",
      counted: true,
      paused: false,
      reason: "no heartbeat for 160 ms",
      executing: null,
      report,
    },
  ],
} as const;

const bodies: readonly Entry["body"][] = [
  { kind: "start", view: VIEW, poison: [{ kind: "key", key: "é€" }] },
  { kind: "request", identity, digest: 0xffff_ffff, operation: "transfer", input: bytes, nowMs: 1_700_000_000_000.5, seed: 42 },
  { kind: "update", identity: { kind: "key", key: "k" }, digest: 1, reply: { refused: true, bytes }, redo: new Uint8Array(2000).fill(7) },
  { kind: "session-opened", nonce: "00ff" },
  { kind: "session-resumed", session },
  { kind: "sessions-renewed", sessions: [session] },
  { kind: "sessions-expired", sessions: [session] },
  { kind: "keys-expired", belowAgeMs: 12.5 },
];
export const ENTRIES: readonly Entry[] = bodies.map((body, at) => ({ index: at + 4, epoch, ageMs: at * 1.5, body }));

const spec = {
  group: GROUP,
  service: { name: "bank", hash: "abc", path: "services/abc.mjs", styles: ["active"] },
  style: "active",
  replicas: 3,
  minimumReplicas: 1,
  quorum: "majority",
  durability: "disk",
  checkpointEntries: 10_000,
  handlerTimeoutMs: 5_000,
  onLoss: "wait",
} as const;

const detector = { wanted: knobs, effective: knobs };

export const SAMPLES: { readonly [K in MessageKind]: Extract<Message, { readonly kind: K }> } = {
  hello: {
    kind: "hello",
    protocolVersion: 1,
    clusterId: clusterId("d".repeat(32)),
    role: "server",
    bootId: boot,
    group: GROUP,
    replica,
    incarnation: life,
    hostId: null,
  },
  goodbye: { kind: "goodbye", reason: "closing" },
  append: { kind: "append", epoch, prevEpoch: [2, 1], prevIndex: 3, entries: ENTRIES, commitIndex: 2, active: true, view: VIEW },
  "append-ack": { kind: "append-ack", epoch, index: Number.MAX_SAFE_INTEGER },
  "append-refused": {
    kind: "append-refused",
    epoch,
    promise: [4, 0],
    prevIndex: 3,
    lastIndex: 2,
    transferIndex: 0,
    transferOffsetBytes: 0,
  },
  confirm: { kind: "confirm", epoch, round: 9 },
  confirmed: { kind: "confirmed", epoch, round: 9 },
  "snapshot-slice": {
    kind: "snapshot-slice",
    epoch,
    snapshotEpoch: [2, 1],
    snapshotIndex: 100,
    sizeBytes: 1000,
    checksum: 0xdead_beef,
    offsetBytes: 997,
    bytes,
    view: VIEW,
  },
  "snapshot-ack": { kind: "snapshot-ack", epoch, snapshotIndex: 100, offsetBytes: 1000, installed: true },
  seal: { kind: "seal", group: GROUP, epoch, base: VIEW },
  sealed: {
    kind: "sealed",
    group: GROUP,
    epoch,
    replica,
    incarnation: life,
    bootId: boot,
    lastEpoch: epoch,
    lastIndex: 9,
    commitIndex: 8,
    activeView: null,
    blank: false,
  },
  "seal-refused": { kind: "seal-refused", group: GROUP, epoch, promise: [4, 0], activeView: VIEW, reason: "a higher promise" },
  lead: {
    kind: "lead",
    view: VIEW,
    bootId: boot,
    poison: [identity],
    leaderEnds: [
      { epoch, executing: "k:order-66" },
      { epoch, executing: null },
    ],
    book,
  },
  led: { kind: "led", group: GROUP, epoch, startIndex: 10 },
  "lead-failed": { kind: "lead-failed", group: GROUP, epoch, reason: "time-out", unreachable: [replica] },
  activate: { kind: "activate", view: VIEW, bootId: boot },
  activated: { kind: "activated", group: GROUP, epoch },
  "activate-refused": { kind: "activate-refused", group: GROUP, epoch, reason: "another process" },
  "hand-over": { kind: "hand-over", group: GROUP, epoch, target: replica },
  "hand-over-ready": { kind: "hand-over-ready", group: GROUP, epoch, index: 9 },
  "hand-over-failed": { kind: "hand-over-failed", group: GROUP, epoch, reason: "it lags" },
  learners: { kind: "learners", group: GROUP, epoch, learners: [{ replica, incarnation: life }] },
  configure: { kind: "configure", group: GROUP, knobs: { checkpointEntries: 1, minimumReplicas: 1, handlerTimeoutMs: 5 } },
  "address-book": { kind: "address-book", group: GROUP, book },
  report: { kind: "report", report },
  "damage-found": {
    kind: "damage-found",
    group: GROUP,
    replica,
    where: "promise",
    what: "its checksum is wrong",
    keptIn: "/data/damaged-1",
  },
  "start-replica": { kind: "start-replica", ticket: 1, spec, replica },
  "kill-replica": { kind: "kill-replica", ticket: 2, replica, bootId: boot, discard: true, reason: "evicted" },
  "signal-replica": { kind: "signal-replica", ticket: 3, replica, signal: "stop" },
  "order-done": { kind: "order-done", ticket: 3, error: null },
  "configure-detector": { kind: "configure-detector", knobs },
  "later-term": { kind: "later-term", term: 4 },
  "expect-hosts": { kind: "expect-hosts", hosts: [host] },
  "admin-request": { kind: "admin-request", ticket: 1, command: { kind: "set-group", group: GROUP, change: { replicas: 3 } } },
  "admin-reply": { kind: "admin-reply", ticket: 1, outcome: { kind: "rejected", httpStatus: 404, message: "no such group" } },
  "subscribe-status": { kind: "subscribe-status", afterEventId: 0 },
  status: {
    kind: "status",
    status: {
      term: 3,
      version: 4,
      groups: [
        {
          group: GROUP,
          service: "bank",
          serviceHash: "abc",
          style: "active",
          styleWanted: "active",
          generation: 1,
          epoch,
          leader: replica,
          serving: true,
          waiting: null,
          replicasWanted: 3,
          quorum: "majority",
          quorumSize: 2,
          minimumReplicas: 1,
          durability: "disk",
          checkpointEntries: 10_000,
          members: [
            {
              replica,
              incarnation: life,
              bootId: boot,
              host,
              pid: 13,
              role: "leader",
              verdict: "alive",
              paused: false,
              persistedIndex: 9,
              commitIndex: 8,
              appliedIndex: 8,
              executedCount: 77,
              transfer: null,
            },
          ],
          view: VIEW,
          book,
        },
      ],
      hosts: [{ host, verdict: "alive", memberCount: 3, pid: 12 }],
      detectors: { lfd: detector, gfd: detector },
      components: [{ component: "rm", host, pid: 11, verdict: "alive" }],
    },
  },
  events: { kind: "events", events: [{ id: 1, atMs: 2, kind: "view-changed", group: GROUP, text: "a view", data: { gapMs: 3.5 } }] },
  register: { kind: "register", pid: 13, startTime: 99, address: { host: "127.0.0.1", port: 4000 }, report },
  registered: { kind: "registered", hostId: host },
  heartbeat: { kind: "heartbeat", sequence: 1 },
  "heartbeat-answer": {
    kind: "heartbeat-answer",
    sequence: 1,
    pulse: { workCount: 5, eventLoopDelayMs: 0.1, heapBytes: 1e6, oldestFsyncMs: 0, stuckMs: 0, executing: "k:a" },
    report: null,
  },
  "host-snapshot": { kind: "host-snapshot", version: 1, host: observed },
  membership: { kind: "membership", bootId: boot, version: 1, complete: true, memberCount: 3, knobs, hosts: [observed] },
  "subscribe-membership": { kind: "subscribe-membership" },
  fault: { kind: "fault", hostId: host, replica, bootId: null, verdict: "gone", reason: "exit code 1", detectionMs: 1.5 },
  request: { kind: "request", ticket: 1, identity, operation: "transfer", input: bytes },
  query: { kind: "query", ticket: 2, query: "balance", input: bytes, consistency: "session", atLeastIndex: 4 },
  "open-session": { kind: "open-session", ticket: 3, nonce: "00ff" },
  "resume-session": { kind: "resume-session", ticket: 4, session },
  "read-backup": { kind: "read-backup", ticket: 9, index: 12, offsetBytes: 262_144 },
  "backup-slice": {
    kind: "backup-slice",
    ticket: 9,
    index: 12,
    epoch,
    sizeBytes: 262_147,
    checksum: 77,
    offsetBytes: 262_144,
    bytes,
    view: VIEW,
  },
  reply: { kind: "reply", ticket: 1, index: 9, epoch, reply: { refused: false, bytes } },
  "session-opened": { kind: "session-opened", ticket: 3, session },
  "session-resumed": {
    kind: "session-resumed",
    ticket: 4,
    index: 12,
    session,
    resumption: 2,
    highestSequence: 5,
    replies: [[5, 9, { refused: false, bytes }]],
  },
  "request-failed": { kind: "request-failed", ticket: 1, code: "timeout", message: "too late" },
  redirect: { kind: "redirect", ticket: 1 },
  members: { kind: "members", view: VIEW, book, serving: true },
};
