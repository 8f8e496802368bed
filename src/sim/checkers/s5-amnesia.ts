import type { StoreResult } from "../../storage/store-command.js";
import { encodeEntry } from "../../codec/entry.js";
import { decodePromise, PROMISE_PATH } from "../../storage/promise-file.js";
import type { Entry } from "../../vocabulary/entry.js";
import { compareEpochs, EPOCH_ZERO, type Epoch, epochText, laterEpoch } from "../../vocabulary/epoch.js";
import type { Incarnation, ReplicaId } from "../../vocabulary/ids.js";
import { holdsIncarnation } from "../../vocabulary/view.js";
import type { SimDisk, SimFile } from "../disk-state.js";
import type { RunningServer } from "../running.js";
import { isAlive, violate } from "../world.js";
import { type DurableLog, durableOf, type Ledger } from "./ledger.js";

/** S5a: one process an incarnation. S5c: nobody begins anew whose log, named in the last view, is there. */
export function checkStarted(ledger: Ledger, server: RunningServer): void {
  const { replica } = server.replica.config;
  const named = ledger.views.at(-1)?.members.find((member) => member.replica === replica)?.incarnation;
  if (named !== undefined && named !== server.incarnation && !ledger.lost.has(named))
    violate(
      ledger.world,
      "S5c",
      `${server.process.name} begins anew as ${server.incarnation.slice(0, 8)}; its log of ${named.slice(0, 8)} is there`,
    );
  const other = ledger.running.get(server.incarnation);
  if (other !== undefined && isAlive(other.process))
    violate(ledger.world, "S5a", `pid ${other.process.pid} and pid ${server.process.pid} run on one incarnation of ${server.process.name}`);
  ledger.running.set(server.incarnation, server);
}

/** S5c: no log is set aside by order while the last view names it. */
export function checkDiscarded({ world, views, lost }: Ledger, replica: ReplicaId, incarnation: Incarnation | null): void {
  if (incarnation === null) return;
  const last = views.at(-1);
  if (last !== undefined && holdsIncarnation(last, replica, incarnation))
    violate(world, "S5c", `the log of ${replica} is set aside, and view ${epochText(last.epoch)} names it`);
  lost.add(incarnation);
}

export function notePersist(
  ledger: Ledger,
  server: RunningServer,
  ticket: number,
  truncateAfter: number | null,
  entries: readonly Entry[],
): void {
  durableOf(ledger, server.incarnation).pending.push({ ticket, truncateAfter, entries });
}

/** S5e: and what it was told to be durable is. */
export function checkPersisted(ledger: Ledger, server: RunningServer, ticket: number): void {
  let last: Entry | undefined;
  const log = durableOf(ledger, server.incarnation);
  for (let next = log.pending[0]; next !== undefined && next.ticket <= ticket; next = log.pending[0]) {
    log.pending.shift();
    if (next.truncateAfter !== null) log.epochs.length = Math.max(0, next.truncateAfter - log.baseIndex);
    for (const entry of next.entries) log.epochs.push(entry.epoch);
    last = next.entries.at(-1) ?? last;
  }
  if (last !== undefined && !isSynced(ledger, server.disk, last))
    violate(
      ledger.world,
      "S5e",
      `${server.process.name} is told that entry ${last.index} is durable, and no disk of its holds it for certain`,
    );
}

/** S2a: a promise that is said to be durable is on the disk. */
export function checkPromised(ledger: Ledger, server: RunningServer, promise: Epoch): void {
  ledger.promised.set(server.incarnation, promise);
  const { disk } = server;
  const file = disk.durableFiles.get(PROMISE_PATH);
  if (!ledger.onDisk || disk.flipped) return;
  const found = file === undefined ? null : decodePromise(file.durable);
  if (found?.ok !== true || compareEpochs(found.record.promise, promise) < 0)
    violate(
      ledger.world,
      "S2a",
      `${server.process.name} is told that its promise ${epochText(promise)} is durable, and it is not on its disk`,
    );
}

function bytesOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** What survives a loss of power holds the entry. The text of a record is found nowhere but where it was written. */
function isSynced(ledger: Ledger, disk: SimDisk, entry: Entry): boolean {
  // Where bits were flipped nothing can be told; and disks that are made to lie are there to see what comes of it.
  if (!ledger.onDisk || disk.flipped || ledger.world.settings.diskLiesFromMs !== undefined) return true;
  const record = bytesOf(encodeEntry(ledger.group, entry));
  for (const [path, file] of [...disk.durableFiles].reverse()) if (path.startsWith("segment-") && isIn(file, record)) return true;
  return false;
}

/** Where the last record was found in a file: the next one is most often right behind it. */
const foundAt = new WeakMap<SimFile, number>();

function isIn(file: SimFile, record: Buffer): boolean {
  const durable = bytesOf(file.durable);
  const from = foundAt.get(file) ?? 0;
  let at = durable.indexOf(record, from);
  if (at < 0 && from > 0) at = durable.indexOf(record);
  if (at >= 0) foundAt.set(file, at);
  return at >= 0;
}

/** A snapshot took the place of the whole log. */
export function noteInstalled(ledger: Ledger, server: RunningServer, index: number): void {
  const log = durableOf(ledger, server.incarnation);
  log.baseIndex = index;
  log.epochs = [];
  log.pending = [];
}

/** S5, L: what was confirmed before a crash is there after it, unless a cut that was under way has taken it. */
export function checkRecovered(ledger: Ledger, place: string, recovered: Extract<StoreResult, { kind: "recovered" }>, disk: SimDisk): void {
  const before = ledger.durable.get(recovered.identity.incarnation);
  const baseIndex = recovered.snapshot?.meta.index ?? (recovered.entries[0]?.index ?? 1) - 1;
  const found: DurableLog = { baseIndex, epochs: [], pending: [] };
  for (const entry of recovered.entries) if (entry.index > baseIndex) found.epochs.push(entry.epoch);
  if (before !== undefined) compare(ledger, place, before, found);
  ledger.durable.set(recovered.identity.incarnation, found);
  // Section 7: what was found may have been in the kernel's memory only; it must not be any more.
  const last = recovered.entries.at(-1);
  if (last !== undefined && !isSynced(ledger, disk, last))
    violate(ledger.world, "S5", `${place} recovered entry ${last.index}, which is not durable: the next loss of power can take it away`);
  // L4: an entry is a promise of its epoch.
  const epochs = [recovered.promise, found.epochs.at(-1) ?? EPOCH_ZERO, recovered.activeView?.epoch ?? EPOCH_ZERO];
  ledger.promised.set(recovered.identity.incarnation, epochs.reduce(laterEpoch));
}

function compare(ledger: Ledger, place: string, before: DurableLog, found: DurableLog): void {
  let safeIndex = before.baseIndex + before.epochs.length;
  for (const write of before.pending) if (write.truncateAfter !== null) safeIndex = Math.min(safeIndex, write.truncateAfter);
  const endIndex = found.baseIndex + found.epochs.length;
  if (endIndex < safeIndex) {
    violate(ledger.world, "S5", `${place} recovered a log that ends at ${endIndex}; ${safeIndex} was durable`);
    return;
  }
  for (let index = Math.max(before.baseIndex, found.baseIndex) + 1; index <= safeIndex; index++) {
    const was = before.epochs[index - before.baseIndex - 1];
    const is = found.epochs[index - found.baseIndex - 1];
    if (was?.[0] === is?.[0] && was?.[1] === is?.[1]) continue;
    violate(ledger.world, "S5", `${place} recovered entry ${index} of epoch ${String(is)}, where ${String(was)} was durable`);
    return;
  }
}
