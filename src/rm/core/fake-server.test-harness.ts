import { compareEpochs, EPOCH_ZERO, type Epoch } from "../../vocabulary/epoch.js";
import { type BootId, bootId, groupName, type Incarnation, incarnation, type ReplicaId } from "../../vocabulary/ids.js";
import type { ControlMessage, Message } from "../../vocabulary/message.js";
import type { ReplicaObservation } from "../../vocabulary/message-detection.js";
import type { ColdState, LearnerProgress, ReplicaReport, RoomShort } from "../../vocabulary/report.js";
import type { GroupSpec } from "../../vocabulary/spec.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { Member, View } from "../../vocabulary/view.js";

export const GROUP = groupName("bank");

export const SPEC: GroupSpec = {
  group: GROUP,
  service: { name: "bank", hash: "a".repeat(64), path: "/services/bank.mjs", styles: ["active", "warm-passive"] },
  style: "warm-passive",
  replicas: 3,
  minimumReplicas: 1,
  quorum: "majority",
  durability: "disk",
  checkpointEntries: 1000,
  handlerTimeoutMs: 5000,
  onLoss: "wait",
};

/** A server as the RM sees it: answers as scripted, holds no log but its end. */
export interface FakeServer {
  readonly replica: ReplicaId;
  incarnation: Incarnation;
  bootId: BootId;
  pid: number;
  running: boolean;
  linked: boolean;
  /** The RM cannot connect to it. */
  unlinkable: boolean;
  verdict: Verdict;
  paused: boolean;
  reason: string;
  executing: string | null;
  /** False once its LFD has restarted, until it has registered with the new one. */
  registered: boolean;
  /** It dies before it has registered for the first time. */
  unborn: boolean;
  promise: Epoch;
  lastEpoch: Epoch;
  lastIndex: number;
  /** What is on its disk; null: all that it has. */
  persistedIndex: number | null;
  activeView: View | null;
  leadsEpoch: Epoch | null;
  leadActive: boolean;
  learners: Member[];
  /** Kinds of messages that it takes without an answer. */
  readonly silent: Set<Message["kind"]>;
  /** What it says to Lead instead of leading. */
  unreachable: ReplicaId[] | null;
  withinBound: boolean;
  /** Of each transfer that it feeds. */
  transfer: { readonly transferredBytes: number; readonly transferSizeBytes: number };
  cold: ColdState | null;
  roomShort: RoomShort | null;
}

export function createServer(id: ReplicaId, boots: number): FakeServer {
  return {
    replica: id,
    incarnation: incarnation(`${boots}`.padStart(32, "a")),
    bootId: bootId(`${boots}`.padStart(32, "b")),
    pid: 100 + boots,
    running: true,
    linked: false,
    unlinkable: false,
    verdict: "alive",
    paused: false,
    reason: "",
    executing: null,
    registered: true,
    unborn: false,
    promise: EPOCH_ZERO,
    lastEpoch: EPOCH_ZERO,
    lastIndex: 0,
    persistedIndex: null,
    activeView: null,
    leadsEpoch: null,
    leadActive: false,
    learners: [],
    silent: new Set(),
    unreachable: null,
    withinBound: true,
    transfer: { transferredBytes: 0, transferSizeBytes: 0 },
    cold: null,
    roomShort: null,
  };
}

function isBlank(fake: FakeServer): boolean {
  return fake.lastIndex === 0 && compareEpochs(fake.promise, EPOCH_ZERO) === 0 && fake.activeView === null;
}

export function reportOf(fake: FakeServer): ReplicaReport {
  const learners = fake.learners.map(
    (member): LearnerProgress => ({ ...member, ackedIndex: 0, withinBound: fake.withinBound, ...fake.transfer }),
  );
  const { replica, promise, leadsEpoch, leadActive, activeView, lastEpoch, lastIndex } = fake;
  return {
    group: GROUP,
    replica,
    incarnation: fake.incarnation,
    bootId: fake.bootId,
    role: leadsEpoch === null ? "follower" : "leader",
    style: "warm-passive",
    promise,
    leadsEpoch,
    leadActive,
    activeView,
    lastEpoch,
    lastIndex,
    persistedIndex: fake.persistedIndex ?? lastIndex,
    commitIndex: lastIndex,
    appliedIndex: lastIndex,
    ...(fake.cold === null ? {} : { cold: fake.cold }),
    ...(fake.roomShort === null ? {} : { roomShort: fake.roomShort }),
    blank: isBlank(fake),
    learners,
    unreachable: [],
    executedCount: 0,
  };
}

export function observationOf(fake: FakeServer): ReplicaObservation {
  const { replica, pid, verdict, paused, reason, executing } = fake;
  const address = fake.registered && !fake.unborn ? { host: "127.0.0.1", port: pid } : null;
  const { incarnation: life, bootId: boot } = fake;
  return {
    group: GROUP,
    replica,
    incarnation: life,
    bootId: fake.unborn ? null : boot,
    pid,
    address,
    verdict,
    counted: true,
    paused,
    reason,
    executing,
    report: fake.unborn || !fake.registered ? null : reportOf(fake),
  };
}

export function answerSeal(fake: FakeServer, message: Extract<ControlMessage, { kind: "seal" }>): ControlMessage {
  const { epoch } = message;
  if (compareEpochs(fake.promise, epoch) > 0) {
    return { kind: "seal-refused", group: GROUP, epoch, promise: fake.promise, activeView: fake.activeView, reason: "promised" };
  }
  const blank = isBlank(fake);
  fake.promise = epoch;
  fake.leadsEpoch = null;
  fake.leadActive = false;
  const { replica, lastEpoch, lastIndex, activeView } = fake;
  const { incarnation: life, bootId: boot } = fake;
  return {
    kind: "sealed",
    group: GROUP,
    epoch,
    replica,
    incarnation: life,
    bootId: boot,
    lastEpoch,
    lastIndex,
    commitIndex: lastIndex,
    activeView,
    blank,
  };
}

type Servers = ReadonlyMap<ReplicaId, FakeServer>;

export function answerLead(servers: Servers, fake: FakeServer, message: Extract<ControlMessage, { kind: "lead" }>): ControlMessage {
  const { epoch, members } = message.view;
  const { unreachable } = fake;
  if (unreachable !== null && (unreachable.length === 0 || members.some((member) => unreachable.includes(member.replica)))) {
    return { kind: "lead-failed", group: GROUP, epoch, reason: "out of reach", unreachable };
  }
  const startIndex = fake.lastIndex + 1;
  for (const member of members) {
    const other = servers.get(member.replica);
    if (other === undefined || !other.running || other.incarnation !== member.incarnation) continue;
    Object.assign(other, { promise: epoch, lastEpoch: epoch, lastIndex: startIndex });
  }
  fake.leadsEpoch = epoch;
  return { kind: "led", group: GROUP, epoch, startIndex };
}

export function answerActivate(servers: Servers, fake: FakeServer, message: Extract<ControlMessage, { kind: "activate" }>): ControlMessage {
  const { epoch } = message.view;
  if (message.bootId !== fake.bootId || fake.leadsEpoch === null || compareEpochs(fake.leadsEpoch, epoch) !== 0) {
    return { kind: "activate-refused", group: GROUP, epoch, reason: "I do not lead it" };
  }
  fake.leadActive = true;
  for (const member of message.view.members) {
    const other = servers.get(member.replica);
    if (other !== undefined && other.incarnation === member.incarnation) other.activeView = message.view;
  }
  return { kind: "activated", group: GROUP, epoch };
}
