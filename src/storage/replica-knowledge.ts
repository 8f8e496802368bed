import { EPOCH_ZERO, type Epoch, laterEpoch } from "../vocabulary/epoch.js";
import type { ClusterId, Incarnation, ReplicaId } from "../vocabulary/ids.js";
import type { View } from "../vocabulary/view.js";
import { IDENTITY_PATH } from "./identity-file.js";
import { describeFolder, describeIdentityFile, type Look, rehearseRecovery } from "./inspection.js";
import type { StoreResult } from "./store-command.js";

/** What a replica's data folder knows of its group, for a recovery that stands on nothing else. */
export interface ReplicaKnowledge {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation | null;
  /** Why the data cannot be used; null when it is whole. Of damaged data the figures are what can still be read. */
  readonly damage: string | null;
  readonly promise: Epoch;
  readonly activeView: View | null;
  readonly lastEpoch: Epoch;
  readonly lastIndex: number;
  /** What the start entries of the log name. */
  readonly begun: readonly View[];
}

/** Reads a data folder as a start would, and writes nothing. Null: it is empty, and knows nothing. */
export function readKnowledge(look: Look, replica: ReplicaId, clusterId: ClusterId): ReplicaKnowledge | null {
  const identity = describeIdentityFile(look, IDENTITY_PATH);
  const results = rehearseRecovery(look, identity);
  const isForeign = identity.ok && identity.value.clusterId !== clusterId;
  const damage = damageOf(results) ?? (isForeign ? "it belongs to another system" : null);
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
    // What another release wrote is there, and may know more than anybody else: it is not taken for an empty folder.
    if (result.kind === "damaged" || result.kind === "unsupported") return `${result.where}: ${result.what}`;
    // A replica that was never started has no data folder: it knows nothing, and is missed only where a view names it.
    if (result.kind === "failed" && result.code !== "ENOENT") return `it cannot be read: ${result.code} ${result.message}`;
  }
  return null;
}

/** As far as it can be read. */
function readDamaged(look: Look, replica: ReplicaId, damage: string): ReplicaKnowledge {
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
