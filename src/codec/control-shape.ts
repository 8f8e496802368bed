import type {
  AdminCommand,
  AdminOutcome,
  ComponentStatus,
  DetectorStatus,
  GroupChange,
  GroupStatus,
  HostStatus,
  MemberStatus,
  SettingsCommand,
  StatusImage,
  TroupeEvent,
} from "../vocabulary/admin.js";
import type { ColdState, LearnerProgress, ReplicaReport, ReplicaRole, RoomShort } from "../vocabulary/report.js";
import type { DetectorKnobs, GroupKnobs, GroupSpec, ServiceCode } from "../vocabulary/spec.js";
import type { QuorumRule } from "../vocabulary/style.js";
import type { Pulse, Verdict } from "../vocabulary/verdict.js";
import { arrayOf, count, flag, literal, nullable, object, real, recordOf, type Shape, text, union } from "./shape.js";
import {
  bookShape,
  bootShape,
  durabilityShape,
  epochShape,
  groupShape,
  hostShape,
  incarnationShape,
  replicaShape,
  styleShape,
  viewShape,
} from "./view-shape.js";

/** Shapes of what reports, specs and administration carry. */

const quorumRule: Shape<QuorumRule> = literal("majority", "all");
export const verdictShape: Shape<Verdict> = literal("alive", "suspected", "degraded", "gone");
const roleShape: Shape<ReplicaRole> = literal("leader", "follower", "learner");

export const detectorKnobs = object<DetectorKnobs>({ heartbeatIntervalMs: real, suspicionTimeoutMs: real });
const snapshotKnobs = { checkpointEntries: count, checkpointBytes: count, checkpointIntervalMs: count, transferBytesPerSecond: count };
/** Earlier releases say nothing of them. */
const SNAPSHOT_OPTIONAL = ["checkpointBytes", "checkpointIntervalMs", "transferBytesPerSecond"] as const;
export const groupKnobs = object<GroupKnobs>({ ...snapshotKnobs, minimumReplicas: count, handlerTimeoutMs: real, style: styleShape }, [
  ...SNAPSHOT_OPTIONAL,
  "style",
]);

export const pulseShape = object<Pulse>({
  workCount: count,
  eventLoopDelayMs: real,
  heapBytes: real,
  oldestFsyncMs: real,
  stuckMs: real,
  executing: nullable(text),
});

const learnerProgress = object<LearnerProgress>({
  replica: replicaShape,
  incarnation: incarnationShape,
  ackedIndex: count,
  withinBound: flag,
  transferredBytes: count,
  transferSizeBytes: count,
});

const coldState = object<ColdState>({
  stage: literal("cold", "loading", "replaying"),
  loadBytes: count,
  replayEntries: count,
  replayBytes: count,
});

const roomShort = object<RoomShort>({ neededBytes: count, freeBytes: count });

export const reportShape = object<ReplicaReport>(
  {
    group: groupShape,
    replica: replicaShape,
    incarnation: incarnationShape,
    bootId: bootShape,
    role: roleShape,
    style: nullable(styleShape),
    promise: epochShape,
    leadsEpoch: nullable(epochShape),
    leadActive: flag,
    activeView: nullable(viewShape),
    lastEpoch: epochShape,
    lastIndex: count,
    persistedIndex: count,
    commitIndex: count,
    appliedIndex: count,
    cold: coldState,
    roomShort,
    blank: flag,
    learners: arrayOf(learnerProgress),
    unreachable: arrayOf(replicaShape),
    executedCount: count,
  },
  ["cold", "roomShort"],
);

const serviceCode = object<ServiceCode>({ name: text, hash: text, path: text, styles: arrayOf(styleShape) });

export const specShape = object<GroupSpec>(
  {
    group: groupShape,
    service: serviceCode,
    style: styleShape,
    replicas: count,
    minimumReplicas: count,
    quorum: quorumRule,
    durability: durabilityShape,
    ...snapshotKnobs,
    handlerTimeoutMs: real,
    onLoss: literal("wait", "continue"),
  },
  SNAPSHOT_OPTIONAL,
);

const groupChange = object<GroupChange>(
  { replicas: count, style: styleShape, quorum: quorumRule, minimumReplicas: count, ...snapshotKnobs },
  ["replicas", "style", "quorum", "minimumReplicas", "checkpointEntries", ...SNAPSHOT_OPTIONAL],
);
const knobsChange = object<Partial<DetectorKnobs>>({ heartbeatIntervalMs: real, suspicionTimeoutMs: real }, [
  "heartbeatIntervalMs",
  "suspicionTimeoutMs",
]);

type Command<K extends AdminCommand["kind"]> = Extract<AdminCommand, { readonly kind: K }>;
const settingsCommands = {
  "set-group": object<Command<"set-group">>({ kind: literal("set-group"), group: groupShape, change: groupChange }),
  "set-detector": object<Command<"set-detector">>({ kind: literal("set-detector"), detector: literal("lfd", "gfd"), knobs: knobsChange }),
};
export const adminCommand: Shape<AdminCommand> = union<AdminCommand>({
  ...settingsCommands,
  "set-all": object<Command<"set-all">>({ kind: literal("set-all"), parts: arrayOf(union<SettingsCommand>(settingsCommands)) }),
  replica: object<Command<"replica">>({
    kind: literal("replica"),
    replica: replicaShape,
    action: literal("kill", "pause", "resume", "lead", "remove"),
  }),
  "accept-loss": object<Command<"accept-loss">>({ kind: literal("accept-loss"), group: groupShape, epoch: epochShape }),
});

type Decided<K extends AdminOutcome["kind"]> = Extract<AdminOutcome, { readonly kind: K }>;
export const adminOutcome: Shape<AdminOutcome> = union<AdminOutcome>({
  accepted: object<Decided<"accepted">>({ kind: literal("accepted"), changeId: text }),
  rejected: object<Decided<"rejected">>({ kind: literal("rejected"), httpStatus: literal(400, 404, 409, 503), message: text }),
});

const datum: Shape<string | number | boolean> = (value): value is string | number | boolean => text(value) || real(value) || flag(value);

export const eventShape = object<TroupeEvent>(
  {
    id: count,
    atMs: real,
    kind: text,
    group: groupShape,
    replica: replicaShape,
    host: hostShape,
    text,
    data: recordOf(datum),
  },
  ["group", "replica", "host", "data"],
);

const memberStatus = object<MemberStatus>(
  {
    replica: replicaShape,
    incarnation: nullable(incarnationShape),
    bootId: nullable(bootShape),
    host: hostShape,
    pid: nullable(count),
    role: roleShape,
    verdict: verdictShape,
    paused: flag,
    persistedIndex: count,
    commitIndex: count,
    appliedIndex: count,
    cold: coldState,
    roomShort,
    executedCount: count,
    transfer: nullable(learnerProgress),
  },
  ["cold", "roomShort"],
);

const groupStatus = object<GroupStatus>(
  {
    group: groupShape,
    service: text,
    serviceHash: text,
    style: styleShape,
    styleWanted: styleShape,
    generation: count,
    epoch: epochShape,
    leader: nullable(replicaShape),
    serving: flag,
    waiting: nullable(text),
    replicasWanted: count,
    quorum: quorumRule,
    quorumSize: count,
    minimumReplicas: count,
    durability: durabilityShape,
    ...snapshotKnobs,
    members: arrayOf(memberStatus),
    view: nullable(viewShape),
    book: bookShape,
  },
  SNAPSHOT_OPTIONAL,
);

const detectorStatus = object<DetectorStatus>({ wanted: detectorKnobs, effective: detectorKnobs });

export const statusShape = object<StatusImage>({
  term: count,
  version: count,
  groups: arrayOf(groupStatus),
  hosts: arrayOf(object<HostStatus>({ host: hostShape, verdict: verdictShape, memberCount: count, pid: count })),
  detectors: object<StatusImage["detectors"]>({ lfd: detectorStatus, gfd: detectorStatus }),
  components: arrayOf(
    object<ComponentStatus>({ component: literal("lfd", "gfd", "rm", "gateway"), host: hostShape, pid: count, verdict: verdictShape }),
  ),
});
