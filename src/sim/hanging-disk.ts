import { sealQuorum } from "../vocabulary/view.js";
import type { Chance } from "./chance.js";
import type { Committed, Ledger } from "./checkers/ledger.js";
import { releaseDisk } from "./disk.js";
import type { SimDisk } from "./disk-state.js";
import type { Installation } from "./installation.js";
import { incarnationOn } from "./shells/server-shell.js";
import type { Clients } from "./workload.js";
import { after, mark, note, type Running, runUntil, violate } from "./world.js";

/** Past the end of the storm, when all else is well, clients wait at most so long for a disk that still hangs. */
const SERVICE_MS = 60_000;
/** So many of their operations show that the group serves. */
const OPERATIONS_MIN = 5;

/**
 * The disk of a server that runs hangs: nothing that it is asked ends, and its process goes on. For a while, or until clients have been served
 * without it. One at a time: a second one is more than many groups can do without.
 */
export function hangDisk(installation: Installation, ledger: Ledger, chance: Chance): boolean {
  const { world, plan } = installation;
  const servers = [...ledger.running.values()].filter((server) => server.process.state === "running");
  if (plan.spec.durability === "memory" || servers.length === 0 || hangingDisk(installation) !== null) return false;
  const { disk, process } = chance.pick(servers);
  disk.faults.hangs = true;
  note(world, process.name, "disk-hangs", () => process.host.hostId);
  if (chance.happens(0.5)) after(world, chance.between(200, 5_000), () => releaseDisk(disk));
  return true;
}

function hangingDisk({ serverHosts }: Installation): SimDisk | null {
  for (const host of serverHosts) for (const disk of host.disks.values()) if (disk.faults.hangs) return disk;
  return null;
}

/** Liveness: one disk that hangs holds up nobody, if the view can be changed without its replica (S3a). Then it works again. */
export function* serveBesideHang(installation: Installation, ledger: Ledger, clients: Clients): Running<void> {
  const { world } = installation;
  const disk = hangingDisk(installation);
  if (disk === null) return;
  // Where nobody can go on without it, nobody ever could; and threads that only read commit nothing. A client's next life draws new ones.
  const isServiceDue = (): boolean => canDoWithout(installation, ledger, disk) && clients.isAnyWriting();
  if (!isServiceDue()) return releaseDisk(disk);
  let lookedAt = ledger.committed.length;
  let served = 0;
  const isServed = (): boolean => {
    for (; lookedAt < ledger.committed.length; lookedAt++) if (isOperation(ledger.committed[lookedAt])) served += 1;
    return served >= OPERATIONS_MIN;
  };
  yield* runUntil(world, world.nowMs + SERVICE_MS, () => !disk.faults.hangs || isServed());
  if (isServed()) mark(world, "served-beside-hang");
  else if (disk.faults.hangs && isServiceDue())
    violate(world, "liveness", `a disk that hangs on one replica has held up everybody for ${SERVICE_MS} ms`);
  releaseDisk(disk);
}

function isOperation(committed: Committed | undefined): boolean {
  const kind = committed?.entry.body.kind;
  return kind === "request" || kind === "update";
}

function canDoWithout({ store }: Installation, ledger: Ledger, disk: SimDisk): boolean {
  const view = ledger.views.at(-1);
  const spec = store.content?.groups[0]?.spec;
  // With no replica to spare, the group refuses to go on below its minimum, as it is told to.
  if (view === undefined || spec === undefined || spec.replicas - 1 < spec.minimumReplicas) return false;
  const hanging = incarnationOn(disk);
  const others = view.members.filter(({ incarnation }) => incarnation !== hanging && !ledger.lost.has(incarnation));
  return others.length >= sealQuorum(view);
}
