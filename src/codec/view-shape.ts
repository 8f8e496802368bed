import { LIMITS } from "../vocabulary/limit.js";
import type { Epoch } from "../vocabulary/epoch.js";
import {
  type BootId,
  type ClusterId,
  type GroupName,
  type HostId,
  type Incarnation,
  isName,
  isSessionId,
  type ReplicaId,
  type SessionId,
} from "../vocabulary/ids.js";
import { DURABILITIES, STYLES } from "../vocabulary/style.js";
import {
  type Address,
  type AddressBook,
  type AddressEntry,
  checkView,
  type LeaderEnd,
  type Member,
  type View,
} from "../vocabulary/view.js";
import type { KeyImage, Reply, RequestIdentity, SessionImage, TableImage, TableReply } from "../vocabulary/session.js";
import { arrayOf, bytes, count, flag, literal, nullable, object, real, type Shape, text, textOf, tuple, union } from "./shape.js";

export const epochShape: Shape<Epoch> = tuple<Epoch>(count, count);
export const groupShape = textOf<GroupName>(isName);
export const replicaShape = textOf<ReplicaId>(isName);
export const hostShape = textOf<HostId>(isName);
/** Ids that others make are only compared, never parsed: any short text will do. */
const shortText = (value: string) => value.length > 0 && value.length <= 64;
export const incarnationShape = textOf<Incarnation>(shortText);
export const bootShape = textOf<BootId>(shortText);
export const clusterIdShape = textOf<ClusterId>((value) => value.length <= 64);
/** What a client calls the session it opens; part of the session's id. */
export const nonceShape = textOf<string>((nonce) => /^[0-9a-f]{1,32}$/.test(nonce));
export const sessionShape = textOf<SessionId>(isSessionId);

export const styleShape = literal(...STYLES);
export const durabilityShape = literal(...DURABILITIES);

export const memberShape = object<Member>({ replica: replicaShape, incarnation: incarnationShape });

const viewFields = object<View>({
  group: groupShape,
  generation: count,
  epoch: epochShape,
  members: arrayOf(memberShape),
  leader: replicaShape,
  style: styleShape,
  quorum: count,
  durability: durabilityShape,
});

/** A view that could not be one (two quorums that need not meet, a leader from outside) does not get in. */
export const viewShape: Shape<View> = (value): value is View =>
  viewFields(value) && value.members.length <= LIMITS.replicasMax && checkView(value) === null;

const portShape: Shape<number> = (value): value is number => count(value) && value <= 65_535;

/** Dialling a port beyond 16 bits throws, in the process of whoever was told of it. */
export const addressShape = object<Address>({ host: text, port: portShape });

export const bookShape = object<AddressBook>({
  version: epochShape,
  entries: arrayOf(object<AddressEntry>({ replica: replicaShape, hostId: hostShape, address: addressShape, bootId: bootShape })),
});

export const leaderEndShape = object<LeaderEnd>({ epoch: epochShape, executing: nullable(text) });

export const keyShape = textOf<string>((key) => key.length > 0 && key.length <= LIMITS.keyLengthMax);

export const identityShape: Shape<RequestIdentity> = union<RequestIdentity>({
  session: object<Extract<RequestIdentity, { kind: "session" }>>({
    kind: literal("session"),
    session: sessionShape,
    resumption: count,
    sequence: count,
    floor: count,
  }),
  key: object<Extract<RequestIdentity, { kind: "key" }>>({ kind: literal("key"), key: keyShape }),
});

export const replyShape = object<Reply>({ refused: flag, bytes });

const tableReplyShape = object<TableReply>({ index: count, digest: count, reply: replyShape });

export const sessionImageShape = object<SessionImage>({
  session: sessionShape,
  resumption: count,
  floor: count,
  renewedAtAgeMs: real,
  replies: arrayOf(tuple<readonly [number, TableReply]>(count, tableReplyShape)),
});

export const keyImageShape = object<KeyImage>({ key: keyShape, atAgeMs: real, reply: tableReplyShape });

export const tableShape = object<TableImage>({ sessions: arrayOf(sessionImageShape), keys: arrayOf(keyImageShape) });
