import {
  type BootId,
  bootId,
  type GroupName,
  groupName,
  type Incarnation,
  incarnation,
  isName,
  type ReplicaId,
  replicaId,
} from "../../vocabulary/ids.js";
import type { GroupSpec } from "../../vocabulary/spec.js";

/** What the LFD must remember across its own death: whom to expect back. Written before a server is started and whenever one registers or ends. */
export interface LfdTable {
  readonly formatVersion: 1;
  readonly rows: readonly TableRow[];
}

export interface TableRow {
  readonly group: GroupName;
  readonly replica: ReplicaId;
  /** Null for a server that registered without having been started by this LFD. */
  readonly spec: GroupSpec | null;
  readonly pid: number | null;
  readonly startTime: number;
  readonly bootId: BootId | null;
  readonly incarnation: Incarnation | null;
  /** Had its first good heartbeat: it goes on counting while a new LFD waits for it. */
  readonly counted: boolean;
  readonly paused: boolean;
  readonly ended: boolean;
}

export type TableDecoding = { readonly ok: true; readonly table: LfdTable } | { readonly ok: false; readonly reason: string };

/** Reads what `save-table` has written. A damaged table is refused rather than half believed. */
export function decodeTable(value: unknown): TableDecoding {
  if (!isRecord(value) || value.formatVersion !== 1 || !Array.isArray(value.rows))
    return { ok: false, reason: "it is not an LFD table of format version 1" };
  const rows: TableRow[] = [];
  for (const entry of value.rows) {
    const row = decodeRow(entry);
    if (row === null) return { ok: false, reason: `row ${rows.length + 1} is malformed` };
    rows.push(row);
  }
  return { ok: true, table: { formatVersion: 1, rows } };
}

function decodeRow(value: unknown): TableRow | null {
  if (!isRecord(value)) return null;
  const { group, replica, spec, pid, startTime } = value;
  if (typeof group !== "string" || !isName(group) || typeof replica !== "string" || !isName(replica)) return null;
  if (typeof startTime !== "number" || !(pid === null || Number.isSafeInteger(pid))) return null;
  if (!(spec === null || isSpec(spec))) return null;
  return {
    group: groupName(group),
    replica: replicaId(replica),
    spec,
    pid: typeof pid === "number" ? pid : null,
    startTime,
    bootId: typeof value.bootId === "string" ? bootId(value.bootId) : null,
    incarnation: typeof value.incarnation === "string" ? incarnation(value.incarnation) : null,
    counted: value.counted === true,
    paused: value.paused === true,
    ended: value.ended === true,
  };
}

/** The table is our own file: this tells a whole spec from a torn one, the codec has checked it when it came in. */
function isSpec(value: unknown): value is GroupSpec {
  return isRecord(value) && typeof value.group === "string" && isRecord(value.service) && typeof value.handlerTimeoutMs === "number";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
