import { inspect as inspectValue } from "node:util";
import { unreachable } from "../vocabulary/assert.js";
import type {
  ControlEntry,
  describeFile,
  FileDescription,
  FolderDescription,
  PromiseDescription,
  SnapshotDescription,
  Verdict,
} from "../storage/inspection.js";
import {
  type BatchDescription,
  type EntryDescription,
  type EntryRange,
  type PayloadDescription,
  type SegmentDescription,
  wordsOfView,
} from "../storage/inspection-log.js";
import { type BackupDescription, damageInBackup } from "../storage/inspection-backup.js";
import { backupText } from "./inspect-backup.js";
import { controlProblem, controlText } from "./inspect-control.js";
import type { FolderUser } from "./folder-look.js";
import { table } from "./output.js";

/** What was found at a path. */
export interface Inspection {
  readonly path: string;
  /** A live process that works there: what is told may be of two moments. */
  readonly usedBy: FolderUser | null;
  readonly data: FolderDescription | null;
  readonly control: FileDescription<readonly ControlEntry[]> | null;
  readonly backup: BackupDescription | null;
  readonly file: ReturnType<typeof describeFile> | null;
  /** The request that the replica's process executes, or executed when it ended. */
  readonly executing: string | null;
  /** Logs that were set aside as damaged. */
  readonly setAside: readonly string[];
}

/** Of a segment's batches, so many of its first and of its last are shown. */
const BATCHES_SHOWN = 5;
const VALUE_LENGTH_MAX = 400;

/** Everything that is wrong, each with its file. */
export function damageIn(inspection: Inspection): string[] {
  const { data, control, backup, file } = inspection;
  const found: string[] = backup === null ? [] : damageInBackup(backup);
  if (data !== null) found.push(...damageInFolder(data));
  if (control !== null) found.push(...problemOf(control), ...controlDamage(control));
  if (file === null) return found;
  switch (file.kind) {
    case "identity":
      return problemOf(file.description);
    case "control":
      return [...problemOf(file.description), ...controlDamage(file.description)];
    case "promise":
      return damageInPromise(file.description);
    case "snapshot":
      return damageInSnapshot(file.description);
    case "segment":
      return file.description.flatMap(damageInSegment);
    default:
      return unreachable(file);
  }
}

function controlDamage(control: NonNullable<Inspection["control"]>): string[] {
  const problem = control.ok ? controlProblem(control.value) : null;
  return problem === null ? [] : [`${control.path}: ${problem}`];
}

function problemOf<T>(file: FileDescription<T>): string[] {
  return file.ok ? [] : [`${file.path}: ${file.problem}`];
}

function damageInFolder(data: FolderDescription): string[] {
  const { verdict } = data;
  if (verdict.kind === "blank") return [];
  const found = [...problemOf(data.identity), ...damageInPromise(data.promise)];
  found.push(...data.snapshots.flatMap(damageInSnapshot), ...data.segments.flatMap(damageInSegment));
  const isNamed = verdict.kind === "damaged" || verdict.kind === "unsupported";
  if (isNamed && !found.some((line) => line.startsWith(verdict.where))) found.push(`${verdict.where}: ${verdict.what}`);
  if (verdict.kind === "unreadable") found.push(`the folder cannot be read: ${verdict.code} ${verdict.message}`);
  return found;
}

function damageInPromise(promise: FileDescription<PromiseDescription>): string[] {
  return promise.ok ? promise.value.slots.flatMap(problemOf) : problemOf(promise);
}

function damageInSnapshot({ path, problem }: SnapshotDescription): string[] {
  return problem === null ? [] : [`${path} at offset ${problem.offsetBytes}: ${problem.what}`];
}

function damageInSegment({ path, problem }: SegmentDescription): string[] {
  return problem === null ? [] : [`${path} at offset ${problem.offsetBytes}: ${problem.what}`];
}

/** The inspection in words. */
export function inspectionText(inspection: Inspection, range: EntryRange | null): string {
  const { usedBy, data, control, backup, file } = inspection;
  const lines: string[] = [];
  if (usedBy !== null) lines.push(useText(usedBy));
  if (data !== null) lines.push(...folderText(data, inspection), ...entriesText(data.segments, range));
  if (control !== null) lines.push(...controlText(control));
  if (backup !== null) lines.push(...backupText(backup), ...(backup.snapshot === null ? [] : snapshotText(backup.snapshot)));
  if (file !== null) lines.push(...fileText(file), ...(file.kind === "segment" ? entriesText(file.description, range) : []));
  const damage = damageIn(inspection);
  if (damage.length > 0) lines.push("", "DAMAGE", ...damage.map((line) => `  ${line}`));
  return lines.join("\n");
}

function useText({ folder, pid }: NonNullable<Inspection["usedBy"]>): string {
  const who = pid === null ? "a process that does not answer (stopped?)" : `process ${pid}`;
  return `in use     ${folder} is in use by ${who}: what is read may be in the middle of a change; look again before you trust a fault`;
}

function fileText(file: NonNullable<Inspection["file"]>): string[] {
  switch (file.kind) {
    case "identity":
      return [`identity   ${file.description.ok ? inline(file.description.value) : `${file.description.problem}`}`];
    case "promise":
      return promiseText(file.description);
    case "control":
      return controlText(file.description);
    case "snapshot":
      return snapshotText(file.description);
    case "segment":
      return file.description.flatMap(segmentText);
    default:
      return unreachable(file);
  }
}

function folderText(data: FolderDescription, { executing, setAside }: Inspection): string[] {
  const { identity, snapshots, segments, transfers, leftovers, others } = data;
  const lines = [verdictText(data.verdict)];
  if (data.verdict.kind === "blank") return lines;
  if (identity.ok) {
    const { replica, group, incarnation, durability, clusterId } = identity.value;
    lines.push(
      `identity   replica ${replica} of group ${group}, incarnation ${incarnation}, durability ${durability}, cluster ${clusterId}`,
    );
  } else lines.push(`identity   ${identity.problem}`);
  lines.push(...promiseText(data.promise));
  if (executing !== null) lines.push(`executing  ${JSON.stringify(executing)} (or it was, when the process ended)`);
  lines.push(...(snapshots.length === 0 ? ["snapshot   none"] : snapshots.flatMap(snapshotText)));
  for (const { path, partial } of transfers)
    lines.push(`transfer   ${path}: snapshot at ${partial.index}, ${partial.offsetBytes} of ${partial.sizeBytes} bytes received`);
  lines.push(logText(segments), ...segments.flatMap(segmentText));
  if (leftovers.length > 0) lines.push(`leftovers  ${leftovers.join(", ")} (unfinished; the next start removes them)`);
  if (others.length > 0) lines.push(`others     ${others.join(", ")} (none of the store's)`);
  const advice = "damaged data of earlier incarnations; inspect them by name, and delete them once the group is whole: nothing else does";
  if (setAside.length > 0) lines.push(`set aside  ${setAside.join(", ")} (${advice})`);
  return lines;
}

function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case "blank":
      return "verdict    the folder holds nothing yet; a start makes a new replica in it";
    case "whole": {
      const from = verdict.snapshotIndex === null ? "no snapshot" : `the snapshot at ${verdict.snapshotIndex}`;
      return `verdict    whole: a start finds promise ${verdict.promise.join(".")}, ${from}, ${verdict.entryCount} more in the log; the last index is ${verdict.lastIndex}`;
    }
    case "damaged":
      return `verdict    damaged: a start sets it aside for ${verdict.where}: ${verdict.what}`;
    case "unsupported":
      return `verdict    not for this release, which does not start with it: ${verdict.where}: ${verdict.what}`;
    case "unreadable":
      return `verdict    cannot be read: ${verdict.code} ${verdict.message}`;
    default:
      return unreachable(verdict);
  }
}

function promiseText(promise: FileDescription<PromiseDescription>): string[] {
  if (!promise.ok) return [`promise    ${promise.problem}`];
  const { record, slots } = promise.value;
  const whole = slots.filter((slot) => slot.ok).length;
  const active = record.activeView === null ? "none" : wordsOfView(record.activeView);
  return [
    `promise    epoch ${record.promise.join(".")} (write ${record.sequence}, ${whole} of ${slots.length} slots whole)${record.blank ? ", blank: it has never heard of an active view" : ""}`,
    `view       last active: ${active}`,
  ];
}

function snapshotText(snapshot: SnapshotDescription): string[] {
  const { path, head, verified, checksum } = snapshot;
  if (head === null) return [`snapshot   ${path}, ${snapshot.sizeBytes} bytes: no head can be read`];
  const sum = `checksum ${checksum.toString(16).padStart(8, "0")}`;
  return [
    `snapshot   ${path}: group ${head.group}, index ${head.index}, epoch ${head.epoch.join(".")}, age ${head.ageMs} ms, generation ${head.generation}, log time ${head.logTimeMs} ms`,
    `           ${snapshot.sizeBytes} bytes: ${snapshot.stateBytes} of state in ${many(snapshot.stateSlices, "slice")}, ${many(snapshot.sessions, "session")}, ${many(snapshot.keys, "key")}; ${verified ? `${sum} verified` : "NOT VERIFIED"}`,
  ];
}

function logText(segments: readonly SegmentDescription[]): string {
  let [count, least, greatest] = [0, Number.POSITIVE_INFINITY, 0];
  for (const { firstIndex, lastIndex } of segments.flatMap((segment) => segment.batches)) {
    count += 1;
    least = Math.min(least, firstIndex ?? least);
    greatest = Math.max(greatest, lastIndex ?? 0);
  }
  return `log        ${many(segments.length, "segment")}, ${count === 1 ? "1 batch" : `${count} batches`}, ${greatest === 0 ? "no entry" : `entries ${least} to ${greatest}`}`;
}

function segmentText(segment: SegmentDescription): string[] {
  const { path, sizeBytes, batches, problem, endBytes, rest, marked } = segment;
  const state = segment.spare ? "prepared, not used yet" : segment.sealed ? "sealed" : "open";
  const end =
    problem === null
      ? `ends at ${endBytes}, ${marked ? "marked as synced" : "without a mark"}, then ${rest}`
      : `readable up to ${endBytes}`;
  const head = `  ${path}  ${sizeBytes} bytes, ${state}, ${end}`;
  if (batches.length === 0) return [head];
  const hidden = batches.length - 2 * BATCHES_SHOWN;
  const shown = hidden <= 1 ? batches : [...batches.slice(0, BATCHES_SHOWN), ...batches.slice(-BATCHES_SHOWN)];
  const rows = [["batch", "offset", "bytes", "entries", "epochs", "synced before", ""], ...shown.map(batchRow)];
  const lines = table(rows)
    .split("\n")
    .map((line) => `    ${line}`);
  if (hidden > 1) lines.splice(BATCHES_SHOWN + 1, 0, `    ... ${hidden} more; --json tells them all`);
  return [head, ...lines];
}

function batchRow(batch: BatchDescription): string[] {
  const { number, offsetBytes, sizeBytes, firstIndex, lastIndex, epochs, syncedIndex, cut } = batch;
  const indexes = firstIndex === null ? "none" : firstIndex === lastIndex ? `${firstIndex}` : `${firstIndex}-${lastIndex}`;
  const names = epochs.map((epoch) => epoch.join(".")).join(" ");
  return [`${number}`, `${offsetBytes}`, `${sizeBytes}`, indexes, names, `${syncedIndex}`, cutText(cut)];
}

function cutText(cut: BatchDescription["cut"]): string {
  switch (cut.kind) {
    case "none":
      return "";
    case "seal":
      return "seals the segment: the log goes on in the next one";
    case "truncate":
      return `cuts the log off after ${cut.afterIndex}`;
    case "reset":
      return `begins the log anew after ${cut.afterIndex} (a snapshot holds what is before)`;
    default:
      return unreachable(cut);
  }
}

function entriesText(segments: readonly SegmentDescription[], range: EntryRange | null): string[] {
  if (range === null) return [];
  const entries = segments.flatMap((segment) => segment.batches.flatMap((batch) => batch.entries));
  const title = `entries    ${range.fromIndex} to ${range.toIndex}: ${entries.length === 0 ? "the log holds none of them" : `${entries.length} found`}`;
  return [title, ...entries.flatMap(entryText)];
}

function entryText(entry: EntryDescription): string[] {
  const { index, epoch, ageMs, kind, sizeBytes, words } = entry;
  const head = `  ${index}  epoch ${epoch.join(".")}, age ${ageMs} ms, ${kind}, ${sizeBytes} bytes${entry.cutOff ? ", CUT OFF by a later batch" : ""}`;
  return [head, `      ${words}`, ...entry.payloads.map(payloadText)];
}

function payloadText({ name, sizeBytes, content }: PayloadDescription): string {
  if (content === null) return `      ${name}: none`;
  return `      ${name}: ${content.ok ? inline(content.value) : `cannot be read (${content.reason})`} (${sizeBytes} bytes)`;
}

function many(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** On one line, with control characters escaped, and not too much of it. */
function inline(value: unknown): string {
  const text = inspectValue(value, { breakLength: Number.POSITIVE_INFINITY, depth: 8, maxArrayLength: 20, maxStringLength: 100 });
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}... (--json tells all of it)` : text;
}
