/** Every bound of the system, named, in one place. Relations between them are asserted at load (below). */
import { assert } from "./assert.js";

export const PROTOCOL_VERSION = 1;

export const LIMITS = {
  frameSizeBytesMax: 8 * 1024 * 1024,
  /** Input or reply of one request: leaves room for the frame around it. */
  payloadSizeBytesMax: 4 * 1024 * 1024,
  replicasMax: 7,
  inFlightPerClientMax: 1_024,
  /** Requests a leader holds that are not committed; beyond it new ones are refused as overloaded. */
  inFlightPerGroupMax: 4_096,
  inFlightPerGroupBytesMax: 64 * 1024 * 1024,
  /** Requests that a client sends ahead of what a server is known to have read: all that it may hold goes to a new leader at once. */
  unreadPerServerBytesMax: 96 * 1024 * 1024,
  queriesWaitingMax: 4_096,
  queriesWaitingBytesMax: 64 * 1024 * 1024,
  sessionsMax: 100_000,
  keysMax: 1_000_000,
  keyLengthMax: 255,
  /** Replies remembered of sessions and keys together (S6b, S6g); beyond it, new requests are refused as overloaded. */
  rememberedBytesMax: 512 * 1024 * 1024,
  connectionsMax: 4_096,
  appendEntriesMax: 512,
  appendBytesMax: 1024 * 1024,
  /** Appends on the way to one follower, in entries and bytes. */
  appendWindowEntries: 4_096,
  appendWindowBytes: 8 * 1024 * 1024,
  snapshotSliceBytes: 256 * 1024,
  /** Small, since a replica that starts again reads all of it while clients may wait; a batch that is larger makes a larger one. */
  segmentSizeBytes: 4 * 1024 * 1024,
  /** Entries kept in memory behind the last snapshot so that a follower that lags a little needs no transfer. */
  entriesBehindSnapshotMax: 2_000,
  /** Log bytes in memory that force a checkpoint. */
  logBytesMax: 64 * 1024 * 1024,
  /** Of what one process writes for people; as much again is in the older file (DIR/logs). */
  processLogSizeBytesMax: 8 * 1024 * 1024,
} as const;

/** What is remembered of a request takes so much besides its reply, and besides its key. */
export const REMEMBERED_OVERHEAD_BYTES = 128;
/** Of what may be remembered, that of keys is this part at most: nobody acknowledges them, and sessions must not wait until they expire. */
export const KEY_BYTES_SHARE = 1 / 2;

export const DEFAULTS = {
  port: 7400,
  /** The data folder, in the working folder. */
  dir: ".troupe",
  replicas: 3,
  checkpointEntries: 10_000,
  /** To one learner, so that clients keep their share of disk and processor. */
  transferBytesPerSecond: 32 * 1024 * 1024,
  handlerTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  lfd: { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 },
  gfd: { heartbeatIntervalMs: 50, suspicionTimeoutMs: 500 },
  killGraceMs: 1_000,
  stoppedGraceMs: 100,
  handOverMs: 100,
  sealGraceMsMax: 50,
  sealTimeoutMs: 300,
  leadTimeoutMs: 1_000,
  sessionExpiryMs: 10 * 60_000,
  keyExpiryMs: 10 * 60_000,
  /** A learner within this many entries of the tail may be admitted. */
  admissionBoundEntries: 512,
} as const;

assert(LIMITS.payloadSizeBytesMax < LIMITS.frameSizeBytesMax, "limit", () => "a payload fits into a frame");
assert(
  LIMITS.appendBytesMax + LIMITS.payloadSizeBytesMax < LIMITS.frameSizeBytesMax,
  "limit",
  () => "a batch with one large entry fits into a frame",
);
assert(LIMITS.snapshotSliceBytes < LIMITS.frameSizeBytesMax, "limit", () => "a slice fits into a frame");
assert(
  LIMITS.keysMax * 2 * REMEMBERED_OVERHEAD_BYTES <= LIMITS.rememberedBytesMax * KEY_BYTES_SHARE,
  "limit",
  () => "as many keys as may be remembered fit with small replies",
);
assert(
  LIMITS.inFlightPerGroupBytesMax < LIMITS.unreadPerServerBytesMax && LIMITS.unreadPerServerBytesMax < 2 * LIMITS.inFlightPerGroupBytesMax,
  "limit",
  () => "a client sends all that it may hold at once, and not so much that the connection is cut",
);
assert(LIMITS.inFlightPerClientMax <= LIMITS.inFlightPerGroupMax, "limit", () => "one client may fill a group's queue");

/**
 * Least wait before a lost connection to a server is tried again. A server that died comes back at another address, which is dialled at
 * once; attempts at the old one would only take processor time from the failover.
 */
export const SERVER_REDIAL_MS_MIN = 40;
