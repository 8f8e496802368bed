import { type ControlContent, groupRecord } from "../rm/core/content.js";
import { type FoundStore, planRecovery } from "../rm/core/recovery-plan.js";
import type { Look } from "../storage/inspection.js";
import { readKnowledge } from "../storage/replica-knowledge.js";
import { compareEpochs } from "../vocabulary/epoch.js";
import { bootId, replicaId } from "../vocabulary/ids.js";
import { sameView, type View } from "../vocabulary/view.js";
import type { Chance } from "./chance.js";
import type { Ledger } from "./checkers/ledger.js";
import type { SimDisk } from "./disk-state.js";
import type { Installation } from "./installation.js";
import { endProcess, mark, note, type SimProcess, violate } from "./world.js";

/** Of the last recovery of a world: its record is kept beside the store. */
const recoveredTerms = new WeakMap<Ledger, number>();

/**
 * Everything but the clients stops, the control store is lost or an old copy of it comes back, and an operator runs `troupe recover`. Where
 * that is refused, because a disk that could know more is damaged or gone, the operator finds a copy of the store after all.
 */
export function loseStore(installation: Installation, ledger: Ledger, clients: readonly SimProcess[], chance: Chance): boolean {
  const { world, plan, store, serverHosts } = installation;
  const content = store.content;
  if (plan.spec.durability === "memory" || content === null || store.right !== null) return false;
  for (const process of world.processes.values()) if (!clients.includes(process)) endProcess(world, process, null, "SIGKILL");
  const places = serverHosts.flatMap((host) =>
    [...host.disks].map(([name, disk]) => ({ host: host.hostId, replica: replicaId(name), disk })),
  );
  const tables = groupRecord(content, plan.spec.group)?.replicas ?? [];
  const found = chance.happens(0.5) ? ({ kind: "missing" } as const) : olderStore(content, chance.pick([...ledger.views, null]));
  const recovery = planRecovery(
    {
      clusterId: world.clusterId,
      owner: bootId(world.chance.ids.hex(32)),
      host: serverHosts[0]?.hostId ?? installation.mainHost.hostId,
      hosts: new Map([...places, ...tables].map(({ replica, host }) => [replica, host])),
      detectors: { lfd: plan.lfdKnobs, gfd: plan.gfdKnobs },
      spec: plan.spec,
      store: found,
      replicas: places.flatMap(({ replica, disk }) => readKnowledge(lookAt(disk), replica, world.clusterId) ?? []),
      expected: tables.map(({ replica }) => replica),
      knownTerm: recoveredTerms.get(ledger) ?? 0,
    },
    false,
  );
  note(world, "operator", `recover ${recovery.kind}`, () => ("why" in recovery ? recovery.why : recovery.lines.join(" ")));
  mark(world, `recover-${recovery.kind}`);
  // Writes that a dead Replication Manager has under way come too late.
  store.revision += 1;
  if (recovery.kind !== "rebuild") return true;
  store.content = recovery.content;
  store.before = null;
  recoveredTerms.set(ledger, recovery.content.term);
  for (const { disk } of places) syncAll(disk);
  checkRebuilt(ledger, groupRecord(recovery.content, plan.spec.group)?.activeView ?? null);
  return true;
}

/** S1e: no view that was written is forgotten; one that came to be written after all ends the chain from now on. */
function checkRebuilt(ledger: Ledger, view: View | null): void {
  const last = ledger.views.at(-1) ?? null;
  if (sameView(view, last)) return;
  const isLater = view !== null && (last === null || compareEpochs(view.epoch, last.epoch) > 0);
  if (!isLater)
    violate(ledger.world, "S1e", `the rebuilt store ends with ${view?.epoch.join(".") ?? "no view"}, not ${last?.epoch.join(".")}`);
  else ledger.views.push(view);
}

/** What a recovery has read it has synced first. */
function syncAll(disk: SimDisk): void {
  for (const file of disk.files.values()) {
    file.durable = file.content.slice();
    file.pending = [];
  }
  disk.durableFiles = new Map(disk.files);
  disk.pendingNames = [];
}

function olderStore(content: ControlContent, view: View | null): FoundStore {
  if (view === null) return { kind: "missing" };
  const groups = content.groups.map((group) => ({ ...group, activeView: view }));
  return { kind: "whole", content: { ...content, term: view.epoch[0], groups } };
}

/** What a person would read. */
function lookAt(disk: SimDisk): Look {
  return (operation) => {
    const { ticket } = operation;
    if (operation.kind === "list") return { kind: "listed", ticket, names: [...disk.files.keys()] };
    const file = disk.files.get(operation.path);
    if (file === undefined) return { kind: "failed", ticket, code: "ENOENT", message: "there is no such file" };
    const { offsetBytes, sizeBytes } = operation;
    return {
      kind: "read-done",
      ticket,
      bytes: file.content.slice(offsetBytes, offsetBytes + sizeBytes),
      fileSizeBytes: file.content.length,
    };
  };
}
