import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { recordedProcess } from "../../runtime/child.js";
import { decodeTable, type LfdTable } from "../core/table.js";
import { hasCode, reasonOf } from "../../runtime/error-code.js";

const FILE = "table.json";

/** The table of an earlier life, or null when there is none. A process that was started but not noted is found by its record. Throws with a sentence for the reader. */
export function loadTable(dir: string): LfdTable | null {
  const path = join(dir, "lfd", FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw new Error(`${path} cannot be read (${reasonOf(error)}). Without it the LFD does not know which servers to expect.`);
  }
  const decoded = parse(text);
  if (!decoded.ok)
    throw new Error(
      `${path} is damaged: ${decoded.reason}. Stop all servers of this folder, remove the file and start again; the Replication Manager starts what is missing.`,
    );
  return { formatVersion: 1, rows: decoded.table.rows.map((row) => (row.pid === null && !row.ended ? fromRecord(dir, row) : row)) };
}

function fromRecord(dir: string, row: LfdTable["rows"][number]): LfdTable["rows"][number] {
  const record = recordedProcess(dir, row.replica);
  return record === null ? row : { ...row, pid: record.pid, startTime: record.startTime };
}

function parse(text: string) {
  try {
    return decodeTable(JSON.parse(text));
  } catch (error) {
    return { ok: false, reason: reasonOf(error) } as const;
  }
}

/** Replaces the file: temporary file, fsync, rename, fsync of the folder (PROTOCOL section 7). */
async function saveTable(dir: string, table: LfdTable): Promise<void> {
  const folder = join(dir, "lfd");
  const temporary = join(folder, `${FILE}.new`);
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(table)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, FILE));
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface TableWriter {
  /**
   * One write at a time; of those that wait only the newest is written, and it stands for the older ones. One that is not urgent waits a
   * little: a replica that has just died needs the disk for its group's failover, where a table has no business.
   */
  save(version: number, table: LfdTable, urgent: boolean): void;
  /** What was put off is given up. */
  close(): void;
}

const PUT_OFF_MS = 150;

export function createTableWriter(dir: string, onSaved: (version: number) => void, onError: (reason: string) => void): TableWriter {
  let waiting: { version: number; table: LfdTable } | null = null;
  let writing = false;
  let timer: NodeJS.Timeout | null = null;
  function begin(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!writing) run().catch((error: unknown) => onError(reasonOf(error)));
  }
  async function run(): Promise<void> {
    writing = true;
    for (let next = waiting; next !== null; next = waiting) {
      waiting = null;
      await saveTable(dir, next.table);
      onSaved(next.version);
    }
    writing = false;
  }
  return {
    save(version, table, urgent) {
      waiting = { version, table };
      if (urgent) begin();
      else timer ??= setTimeout(begin, PUT_OFF_MS);
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      waiting = null;
    },
  };
}
