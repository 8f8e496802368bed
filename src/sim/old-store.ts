import { fifoSize } from "../server/core/fifo.js";
import { compareEpochs } from "../vocabulary/epoch.js";
import { sealQuorum, type View } from "../vocabulary/view.js";
import type { Chance } from "./chance.js";
import type { Ledger } from "./checkers/ledger.js";
import type { Installation } from "./installation.js";
import { after, endProcess, isAlive, mark, note } from "./world.js";

/**
 * The control store is found as it was before the last view (a backup that was put back, a disk that lied). Whoever rules over it must change
 * nothing (S1e). Strikes only where enough members have the last view on their disks: with fewer nobody could know. After a while the right
 * store is put back.
 */
export function findOldStore(installation: Installation, ledger: Ledger, chance: Chance): boolean {
  const { world, store } = installation;
  const old = store.before;
  const view = old?.groups[0]?.activeView ?? null;
  const last = ledger.views.at(-1);
  if (installation.plan.spec.durability === "memory" || store.right !== null || store.content === null) return false;
  if (old === null || view === null || last === undefined || !isKnown(ledger, view, last)) return false;
  endManagers(installation);
  mark(world, "old-store");
  note(world, "store", "is old", () => `view ${view.epoch.join(".")} is its last`);
  store.right = store.content;
  store.content = old;
  store.revision += 1;
  after(world, chance.between(300, 4_000), () => putRightStoreBack(installation));
  return true;
}

/** Too few of the old view's members are without the last one for a leader to be chosen among them. */
function isKnown(ledger: Ledger, view: View, last: View): boolean {
  const unaware = view.members.filter(({ incarnation }) => {
    const replica = ledger.running.get(incarnation)?.replica;
    const known = replica?.activeView ?? null;
    return replica === undefined || known === null || compareEpochs(known.epoch, last.epoch) < 0 || fifoSize(replica.promising) > 0;
  });
  return unaware.length < sealQuorum(view);
}

export function putRightStoreBack(installation: Installation): void {
  const { world, store } = installation;
  const { right, content } = store;
  if (right === null) return;
  endManagers(installation);
  note(world, "store", "is right again", () => "");
  // Terms that were taken meanwhile are not taken again.
  store.content = { ...right, term: Math.max(right.term, content?.term ?? 0) };
  store.right = null;
  store.revision += 1;
}

function endManagers({ world }: Installation): void {
  for (const process of world.processes.values())
    if (process.name.startsWith("rm") && isAlive(process)) endProcess(world, process, null, "SIGKILL");
}
