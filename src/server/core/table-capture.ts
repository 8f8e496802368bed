/**
 * The session table as it is now, given out row by row while entries go on changing it: a snapshot of many sessions or keys holds nobody up.
 * The first change of a session that was not given out yet keeps what it was. Keys never change; those that expire meanwhile are the
 * oldest, so that they come first in what is left.
 */
import { assert } from "../../vocabulary/assert.js";
import type { SessionId } from "../../vocabulary/ids.js";
import type { KeyImage, SessionImage, TableImage, TableReply } from "../../vocabulary/session.js";
import { entriesOf } from "./aged-map.js";
import { createFifo, push, shift } from "./fifo.js";
import type { KeyRecord, Remembered, Session, SessionTable, TableCapture } from "./session-record.js";

export type { TableCapture } from "./session-record.js";

/** Work of one piece: rows and replies, and a share for their bytes. */
const PIECE_COST_MAX = 512;
const BYTES_PER_COST = 256;

/**
 * Only at a quiet point: every reply is known. One at a time; an earlier one that was not finished gives out what it likes from here on.
 * All in one turn, so it does no more than to note the order: which sessions are settled is noted at each of them, as it comes to it.
 */
export function captureTable(table: SessionTable): TableCapture {
  const capture: TableCapture = {
    number: numberOf(table) + 1,
    sessions: table.sessions,
    sessionIds: [...table.sessions.keys()],
    sessionAt: 0,
    before: new Map(),
    keys: entriesOf(table.keys),
    keyCount: table.keys.size,
    keysGiven: 0,
    keysExpired: 0,
    lostKeys: createFifo(),
    over: false,
  };
  table.capture = capture;
  return capture;
}

/** The next rows, or null after the last: then changes cost nothing extra any more. */
export function takeRows(capture: TableCapture, costMax = PIECE_COST_MAX): TableImage | null {
  const rows: { readonly sessions: SessionImage[]; readonly keys: KeyImage[] } = { sessions: [], keys: [] };
  let cost = 0;
  while (cost < costMax && capture.sessionAt < capture.sessionIds.length) cost += takeSession(capture, rows.sessions);
  while (cost < costMax && capture.keysGiven < capture.keyCount) cost += takeKey(capture, rows.keys);
  if (rows.sessions.length > 0 || rows.keys.length > 0) return rows;
  endCapture(capture);
  return null;
}

export function endCapture(capture: TableCapture): void {
  capture.over = true;
  capture.sessionIds = [];
  capture.before.clear();
}

/** All that is left, at once: nothing changes meanwhile. */
export function takeAllRows(capture: TableCapture): TableImage {
  capture.over = true;
  const rows = takeRows(capture, Number.POSITIVE_INFINITY) ?? { sessions: [], keys: [] };
  endCapture(capture);
  return rows;
}

/** Of the last capture: a session that is opened is no part of it. */
export function numberOf({ capture }: SessionTable): number {
  return capture?.number ?? 0;
}

/** Before anything of a session changes, or it goes. */
export function beforeSession({ capture }: SessionTable, id: SessionId, session: Session): void {
  // One that was opened since, or was given out already, is no part of it; its replies may not be known yet.
  if (capture === null || capture.over || session.settledIn === capture.number) return;
  session.settledIn = capture.number;
  capture.before.set(id, sessionImage(id, session));
}

/** The oldest key goes. */
export function beforeKeyExpires({ capture }: SessionTable, key: string, record: KeyRecord): void {
  if (capture === null || capture.over) return;
  if (capture.keysExpired >= capture.keysGiven && capture.keysExpired < capture.keyCount) push(capture.lostKeys, keyImage(key, record));
  capture.keysExpired += 1;
}

function takeSession(capture: TableCapture, rows: SessionImage[]): number {
  const id = capture.sessionIds[capture.sessionAt];
  capture.sessionAt += 1;
  if (id === undefined) return 0;
  const session = capture.sessions.get(id);
  const image = capture.before.get(id) ?? (session === undefined ? null : sessionImage(id, session));
  assert(image !== null, "S6b", () => `session ${id} was lost under a snapshot`);
  capture.before.delete(id);
  if (session !== undefined && !capture.over) session.settledIn = Math.max(session.settledIn, capture.number);
  rows.push(image);
  return image.replies.reduce((cost, [, { reply }]) => cost + 1 + reply.bytes.length / BYTES_PER_COST, 1);
}

function takeKey(capture: TableCapture, rows: KeyImage[]): number {
  const image = shift(capture.lostKeys) ?? nextKey(capture.keys);
  assert(image !== null, "S6g", () => "a key was lost under a snapshot");
  capture.keysGiven += 1;
  rows.push(image);
  return 1 + image.reply.reply.bytes.length / BYTES_PER_COST;
}

function nextKey(keys: TableCapture["keys"]): KeyImage | null {
  const next = keys.next();
  return next.done === true ? null : keyImage(...next.value);
}

function sessionImage(session: SessionId, { resumption, floor, renewedAtAgeMs, replies }: Session): SessionImage {
  const images = [...replies].map(([sequence, remembered]) => [sequence, replyImage(remembered)] as const);
  return { session, resumption, floor, renewedAtAgeMs, replies: images };
}

function keyImage(key: string, { atAgeMs, remembered }: KeyRecord): KeyImage {
  return { key, atAgeMs, reply: replyImage(remembered) };
}

function replyImage(remembered: Remembered): TableReply {
  assert(remembered.reply !== null, "S6b", () => `the reply of entry ${remembered.index} is not known yet`);
  return { index: remembered.index, digest: remembered.digest, reply: remembered.reply };
}
