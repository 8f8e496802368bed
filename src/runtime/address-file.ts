import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "./folder.js";
import type { BootId } from "../vocabulary/ids.js";
import type { Address } from "../vocabulary/view.js";

/** Where a component of this data folder listens, and which process that is. */
export interface AddressRecord extends Address {
  readonly pid: number;
  /** With the pid it names one process for good; 0 where it cannot be known. */
  readonly startTime: number;
  readonly bootId: BootId;
}

/** DIR/run/addresses/NAME.json */
export function addressPath(dir: string, name: string): string {
  return join(dir, "run", "addresses", `${name}.json`);
}

/** Replaces the record in one step: a reader sees the old one or the new one. It is a hint, found again at every start, so it is not synced. */
export function writeAddress(dir: string, name: string, record: AddressRecord): void {
  const path = addressPath(dir, name);
  makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
  renameSync(temporary, path);
}

/** Null when there is none (yet), or when the file holds something else. */
export function readAddress(dir: string, name: string): AddressRecord | null {
  return readAddressFile(addressPath(dir, name));
}

export function readAddressFile(path: string): AddressRecord | null {
  try {
    const record: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isRecord(record) ? record : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is AddressRecord {
  if (typeof value !== "object" || value === null) return false;
  const { host, port, pid, startTime, bootId } = value as Partial<Record<keyof AddressRecord, unknown>>;
  return (
    typeof host === "string" &&
    typeof port === "number" &&
    port > 0 &&
    port < 65_536 &&
    typeof pid === "number" &&
    typeof startTime === "number" &&
    typeof bootId === "string"
  );
}
