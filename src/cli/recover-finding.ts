import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RunConfig } from "../config/run-config.js";
import { loadTable } from "../lfd/process/table-file.js";
import type { FoundReplica, FoundStore, RecoveryInput } from "../rm/core/recovery-plan.js";
import { openEmbeddedStore } from "../rm/process/embedded-store.js";
import { createDisk } from "../runtime/disk.js";
import { randomId } from "../runtime/random.js";
import { describeFolder, describeIdentityFile, type Look, rehearseRecovery } from "../storage/inspection.js";
import { IDENTITY_PATH } from "../storage/identity-file.js";
import type { StoreResult } from "../storage/store-command.js";
import { EPOCH_ZERO, type Epoch, laterEpoch } from "../vocabulary/epoch.js";
import { bootId, hostId, isName, type ReplicaId, replicaId } from "../vocabulary/ids.js";
import type { GroupSpec } from "../vocabulary/spec.js";
import { lookInto } from "./folder-look.js";

/** Reads everything that a recovery stands on. Nothing is changed. */
export async function findAll(dir: string, config: RunConfig, spec: GroupSpec): Promise<RecoveryInput> {
  const store = await findStore(dir, config);
  return {
    clusterId: config.clusterId,
    owner: bootId(randomId()),
    host: hostId("host-1"),
    detectors: config.detectors,
    spec,
    store,
    replicas: replicaFolders(dir).flatMap((replica) => findReplica(dir, replica, config) ?? []),
    expected: expectedIn(dir, spec),
  };
}

async function findStore(dir: string, config: RunConfig): Promise<FoundStore> {
  try {
    const store = await openEmbeddedStore(createDisk(join(dir, "rm")));
    const { content } = await store.read();
    if (content === null) return { kind: "missing" };
    if (content.clusterId !== config.clusterId) return { kind: "damaged", reason: `it belongs to another system (${content.clusterId})` };
    return { kind: "whole", content };
  } catch (error) {
    return { kind: "damaged", reason: error instanceof Error ? error.message : String(error) };
  }
}

export function replicaFolders(dir: string): ReplicaId[] {
  const folder = join(dir, "replicas");
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== "set-aside" && isName(entry.name))
    .map(({ name }) => replicaId(name));
}

/** The host's own table: a replica that ran here and has no folder any more is missed. */
function expectedIn(dir: string, spec: GroupSpec): ReplicaId[] {
  try {
    const rows = loadTable(dir)?.rows ?? [];
    return rows.filter((row) => row.group === spec.group).map((row) => row.replica);
  } catch {
    return []; // Damaged as well: then the folders alone speak.
  }
}

/** Null: an empty folder, which knows nothing. */
function findReplica(dir: string, replica: ReplicaId, config: RunConfig): FoundReplica | null {
  const look = lookInto(join(dir, "replicas", replica, "data"));
  const identity = describeIdentityFile(look, IDENTITY_PATH);
  const results = rehearseRecovery(look, identity);
  const damage =
    damageOf(results) ?? (identity.ok && identity.value.clusterId !== config.clusterId ? "it belongs to another system" : null);
  if (damage !== null) return readDamaged(look, replica, damage);
  const recovered = results.find((result) => result.kind === "recovered");
  if (recovered === undefined || !identity.ok) return null;
  const { promise, activeView, snapshot, entries } = recovered;
  const last = entries.at(-1);
  return {
    replica,
    incarnation: identity.value.incarnation,
    damage: null,
    promise,
    activeView,
    lastEpoch: last?.epoch ?? snapshot?.meta.epoch ?? EPOCH_ZERO,
    lastIndex: last?.index ?? snapshot?.meta.index ?? 0,
    begun: entries.flatMap(({ body }) => (body.kind === "start" ? [body.view] : [])),
  };
}

function damageOf(results: readonly StoreResult[]): string | null {
  for (const result of results) {
    if (result.kind === "damaged") return `${result.where}: ${result.what}`;
    // Of a replica that was never started there is no data folder: it knows nothing, and is not missed unless a view names it.
    if (result.kind === "failed" && result.code !== "ENOENT") return `it cannot be read: ${result.code} ${result.message}`;
  }
  return null;
}

/** As far as it can be read. */
function readDamaged(look: Look, replica: ReplicaId, damage: string): FoundReplica {
  const { identity, promise, segments, snapshots } = describeFolder(look, null);
  let lastIndex = 0;
  let lastEpoch: Epoch = EPOCH_ZERO;
  for (const { head } of snapshots) if (head !== null && head.index > lastIndex) [lastIndex, lastEpoch] = [head.index, head.epoch];
  for (const batch of segments.flatMap(({ batches }) => batches)) {
    for (const epoch of batch.epochs) lastEpoch = laterEpoch(lastEpoch, epoch);
    lastIndex = Math.max(lastIndex, batch.lastIndex ?? 0);
  }
  const record = promise.ok ? promise.value.record : null;
  const incarnation = identity.ok ? identity.value.incarnation : null;
  const { activeView = null, promise: promised = EPOCH_ZERO } = record ?? {};
  return { replica, incarnation, damage, promise: promised, activeView, lastEpoch, lastIndex, begun: [] };
}
