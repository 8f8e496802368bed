/**
 * A table from the rows of a snapshot, a piece at a time: of as many keys and replies as there may be, all in one turn would stop everything
 * for seconds. Nobody knows of the table before it is whole.
 */
import type { KeyImage, SessionImage, TableImage } from "../../vocabulary/session.js";
import { addNewest } from "./aged-map.js";
import type { Remembered, SessionTable } from "./session-record.js";
import { createTable } from "./session-table.js";
import { countIn } from "./tally.js";

export interface TableBuild {
  readonly table: SessionTable;
  readonly image: TableImage;
  sessionAt: number;
  keyAt: number;
}

/** Rows and replies of one piece. */
const PIECE_COST_MAX = 512;

export function startBuild(image: TableImage): TableBuild {
  return { table: createTable(), image, sessionAt: 0, keyAt: 0 };
}

/** True when the table is whole. */
export function addRows(build: TableBuild, costMax = PIECE_COST_MAX): boolean {
  const { table, image } = build;
  let cost = 0;
  for (let row = image.sessions[build.sessionAt]; row !== undefined && cost < costMax; row = image.sessions[build.sessionAt]) {
    cost += addSession(table, row);
    build.sessionAt += 1;
  }
  for (let row = image.keys[build.keyAt]; row !== undefined && cost < costMax; row = image.keys[build.keyAt]) {
    addKey(table, row);
    cost += 1;
    build.keyAt += 1;
  }
  return build.sessionAt === image.sessions.length && build.keyAt === image.keys.length;
}

function addSession(table: SessionTable, { session, resumption, floor, renewedAtAgeMs, replies }: SessionImage): number {
  const remembered = new Map<number, Remembered>();
  for (const [sequence, reply] of replies) {
    remembered.set(sequence, { ...reply });
    countIn(table.tally, null, reply);
  }
  table.sessions.set(session, { resumption, floor, renewedAtAgeMs, replies: remembered, settledIn: 0 });
  return 1 + replies.length;
}

function addKey(table: SessionTable, { key, atAgeMs, reply }: KeyImage): void {
  addNewest(table.keys, key, { atAgeMs, remembered: { ...reply } });
  countIn(table.tally, key, reply);
}

/** All at once, for tables that are known to be small. */
export function tableOf(image: TableImage): SessionTable {
  const build = startBuild(image);
  addRows(build, Number.POSITIVE_INFINITY);
  return build.table;
}
