/** What the session table is made of. */
import type { SessionId } from "../../vocabulary/ids.js";
import type { KeyImage, Reply, SessionImage } from "../../vocabulary/session.js";
import type { AgedMap } from "./aged-map.js";
import type { Fifo } from "./fifo.js";

/** `reply` is null while the request is being executed. */
export interface Remembered {
  readonly index: number;
  readonly digest: number;
  reply: Reply | null;
}

export interface Session {
  resumption: number;
  floor: number;
  renewedAtAgeMs: number;
  readonly replies: Map<number, Remembered>;
  /** Number of the last capture that needs nothing more of it: it was given out, changed or opened under it. A part of no snapshot. */
  settledIn: number;
}

export interface KeyRecord {
  readonly atAgeMs: number;
  readonly remembered: Remembered;
}

/** What all that is remembered takes, counted as it comes and goes. */
export interface Tally {
  count: number;
  /** With a share for each that is not its reply's. */
  bytes: number;
  /** Of `bytes`, those of keys. */
  keyBytes: number;
}

export interface SessionTable {
  readonly sessions: Map<SessionId, Session>;
  readonly keys: AgedMap<KeyRecord>;
  readonly tally: Tally;
  /** The last snapshot that was taken of it. */
  capture: TableCapture | null;
}

/** A snapshot that is being taken of the table. */
export interface TableCapture {
  /** Those of one table are counted. */
  readonly number: number;
  /** The table's own, which go on changing. */
  readonly sessions: SessionTable["sessions"];
  /** All of them, in their order. */
  sessionIds: readonly SessionId[];
  sessionAt: number;
  /** Sessions changed since and not given out, as they were. */
  readonly before: Map<SessionId, SessionImage>;
  /** Of those that go on coming and going: what is added meanwhile comes behind the others, what is removed is not met. */
  readonly keys: Iterator<[string, KeyRecord]>;
  readonly keyCount: number;
  keysGiven: number;
  /** Of those that there were. The oldest go first, so it tells which one goes next. */
  keysExpired: number;
  readonly lostKeys: Fifo<KeyImage>;
  /** Nobody asks for rows any more. */
  over: boolean;
}
