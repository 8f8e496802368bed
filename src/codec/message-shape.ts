import { type ErrorCode, isErrorCode } from "../vocabulary/error.js";
import type { Message, MessageKind } from "../vocabulary/message.js";
import type { HostObservation, ReplicaObservation } from "../vocabulary/message-detection.js";
import type { Reply } from "../vocabulary/session.js";
import {
  adminCommand,
  adminOutcome,
  detectorKnobs,
  eventShape,
  groupKnobs,
  pulseShape,
  reportShape,
  specShape,
  statusShape,
  verdictShape,
} from "./control-shape.js";
import type { HotKind } from "./hot-message.js";
import { arrayOf, bytes, count, flag, literal, nullable, object, real, type Shape, text, textOf, tuple } from "./shape.js";
import {
  addressShape,
  bookShape,
  bootShape,
  clusterIdShape,
  epochShape,
  groupShape,
  hostShape,
  identityShape,
  incarnationShape,
  leaderEndShape,
  memberShape,
  nonceShape,
  replicaShape,
  replyShape,
  sessionShape,
  viewShape,
} from "./view-shape.js";

/** Messages that travel as plain values: all but the hot ones, which have a layout of their own. */
export type PlainKind = Exclude<MessageKind, HotKind>;
type Plain<K extends MessageKind> = Extract<Message, { readonly kind: K }>;

/** Everything but the kind, which is told from the frame. */
function message<K extends PlainKind>(
  kind: K,
  fields: { readonly [F in Exclude<keyof Plain<K>, "kind">]-?: Shape<Exclude<Plain<K>[F], undefined>> },
  optional: readonly (keyof Plain<K>)[] = [],
): Shape<Plain<K>> {
  return object<Plain<K>>({ kind: literal(kind), ...fields } as Parameters<typeof object<Plain<K>>>[0], optional);
}

const groupAndEpoch = { group: groupShape, epoch: epochShape };

const replicaObservation = object<ReplicaObservation>({
  group: groupShape,
  replica: replicaShape,
  incarnation: nullable(incarnationShape),
  bootId: nullable(bootShape),
  pid: nullable(count),
  address: nullable(addressShape),
  verdict: verdictShape,
  counted: flag,
  paused: flag,
  reason: text,
  executing: nullable(text),
  report: nullable(reportShape),
});

const hostObservation = object<HostObservation>({
  hostId: hostShape,
  bootId: bootShape,
  pid: count,
  address: nullable(addressShape),
  verdict: verdictShape,
  complete: flag,
  knobs: detectorKnobs,
  replicas: arrayOf(replicaObservation),
});

/** One shape a message: a kind or a field that is missing here does not compile. */
export const MESSAGE_SHAPES: { readonly [K in PlainKind]: Shape<Plain<K>> } = {
  hello: message("hello", {
    protocolVersion: count,
    clusterId: clusterIdShape,
    role: literal("server", "lfd", "gfd", "rm", "gateway", "client"),
    bootId: bootShape,
    group: nullable(groupShape),
    replica: nullable(replicaShape),
    incarnation: nullable(incarnationShape),
    hostId: nullable(hostShape),
  }),
  goodbye: message("goodbye", { reason: text }),
  // --- replication
  "append-refused": message("append-refused", {
    epoch: epochShape,
    promise: epochShape,
    prevIndex: count,
    lastIndex: count,
    transferIndex: count,
    transferOffsetBytes: count,
  }),
  "snapshot-ack": message("snapshot-ack", { epoch: epochShape, snapshotIndex: count, offsetBytes: count, installed: flag }),
  // --- view change
  seal: message("seal", { ...groupAndEpoch, base: nullable(viewShape) }),
  sealed: message("sealed", {
    ...groupAndEpoch,
    replica: replicaShape,
    incarnation: incarnationShape,
    bootId: bootShape,
    lastEpoch: epochShape,
    lastIndex: count,
    commitIndex: count,
    activeView: nullable(viewShape),
    blank: flag,
  }),
  "seal-refused": message("seal-refused", { ...groupAndEpoch, promise: epochShape, activeView: nullable(viewShape), reason: text }),
  lead: message("lead", {
    view: viewShape,
    bootId: bootShape,
    poison: arrayOf(identityShape),
    leaderEnds: arrayOf(leaderEndShape),
    book: bookShape,
  }),
  led: message("led", { ...groupAndEpoch, startIndex: count }),
  "lead-failed": message("lead-failed", { ...groupAndEpoch, reason: text, unreachable: arrayOf(replicaShape) }),
  activate: message("activate", { view: viewShape, bootId: bootShape }),
  activated: message("activated", groupAndEpoch),
  "activate-refused": message("activate-refused", { ...groupAndEpoch, reason: text }),
  "hand-over": message("hand-over", { ...groupAndEpoch, target: replicaShape }),
  "hand-over-ready": message("hand-over-ready", { ...groupAndEpoch, index: count }),
  "hand-over-failed": message("hand-over-failed", { ...groupAndEpoch, reason: text }),
  learners: message("learners", { ...groupAndEpoch, learners: arrayOf(memberShape) }),
  configure: message("configure", { group: groupShape, knobs: groupKnobs }),
  "address-book": message("address-book", { group: groupShape, book: bookShape }),
  report: message("report", { report: reportShape }),
  "damage-found": message("damage-found", { group: groupShape, replica: replicaShape, where: text, what: text, keptIn: text }),
  // --- orders
  "start-replica": message("start-replica", { ticket: count, spec: specShape, replica: replicaShape }),
  "kill-replica": message("kill-replica", {
    ticket: count,
    replica: replicaShape,
    bootId: nullable(bootShape),
    discard: flag,
    reason: text,
  }),
  "signal-replica": message("signal-replica", { ticket: count, replica: replicaShape, signal: literal("stop", "continue") }),
  "order-done": message("order-done", { ticket: count, error: nullable(text) }),
  "configure-detector": message("configure-detector", { knobs: detectorKnobs, term: count }, ["term"]),
  "later-term": message("later-term", { term: count }),
  "expect-hosts": message("expect-hosts", { hosts: arrayOf(hostShape) }),
  // --- administration
  "admin-request": message("admin-request", { ticket: count, command: adminCommand }),
  "admin-reply": message("admin-reply", { ticket: count, outcome: adminOutcome }),
  "subscribe-status": message("subscribe-status", { afterEventId: count }),
  status: message("status", { status: statusShape }),
  events: message("events", { events: arrayOf(eventShape) }),
  // --- detection
  register: message("register", { pid: count, startTime: count, address: addressShape, report: reportShape }),
  registered: message("registered", { hostId: hostShape }),
  heartbeat: message("heartbeat", { sequence: count }),
  "heartbeat-answer": message("heartbeat-answer", { sequence: count, pulse: pulseShape, report: nullable(reportShape) }),
  "host-snapshot": message("host-snapshot", { version: count, host: hostObservation }),
  membership: message("membership", {
    bootId: bootShape,
    version: count,
    complete: flag,
    memberCount: count,
    knobs: detectorKnobs,
    hosts: arrayOf(hostObservation),
  }),
  "subscribe-membership": message("subscribe-membership", {}),
  fault: message("fault", {
    hostId: hostShape,
    replica: nullable(replicaShape),
    bootId: nullable(bootShape),
    verdict: verdictShape,
    reason: text,
    detectionMs: real,
  }),
  // --- clients
  "open-session": message("open-session", { ticket: count, nonce: nonceShape }),
  "resume-session": message("resume-session", { ticket: count, session: sessionShape }),
  "read-backup": message("read-backup", { ticket: count, index: count, offsetBytes: count }),
  "backup-slice": message("backup-slice", {
    ticket: count,
    index: count,
    epoch: epochShape,
    sizeBytes: count,
    checksum: count,
    offsetBytes: count,
    bytes,
    view: viewShape,
  }),
  "session-opened": message("session-opened", { ticket: count, session: sessionShape }),
  "session-resumed": message("session-resumed", {
    ticket: count,
    index: count,
    session: sessionShape,
    resumption: count,
    highestSequence: count,
    replies: arrayOf(tuple<readonly [number, number, Reply]>(count, count, replyShape)),
  }),
  "request-failed": message("request-failed", { ticket: count, code: textOf<ErrorCode>(isErrorCode), message: text }),
  redirect: message("redirect", { ticket: count }),
  members: message("members", { view: nullable(viewShape), book: bookShape, serving: flag }),
};
