import { IDENTITY_PATH } from "../storage/identity-file.js";
import type { Incarnation } from "../vocabulary/ids.js";
import { sealQuorum } from "../vocabulary/view.js";
import type { Chance } from "./chance.js";
import { createSimDisk, cutFile, flipBit, loseFile } from "./disk.js";
import type { SimDisk } from "./disk-state.js";
import type { Plan } from "./plan.js";
import type { RunningServer } from "./running.js";
import type { Scene } from "./scene.js";
import { incarnationOn } from "./shells/server-shell.js";
import { endProcess, mark, note } from "./world.js";

/** With `memory` a death takes what the process held: no more at once than the group can lose. */
export function mayDie(scene: Scene, server: RunningServer): boolean {
  return scene.installation.plan.spec.durability === "disk" || mayLose(scene, server.incarnation);
}

/** An observer's knowledge: would the last written view, without this incarnation, still have an intact copy in every quorum? */
function mayLose(scene: Scene, incarnation: Incarnation): boolean {
  const { ledger } = scene;
  const view = ledger.views.at(-1);
  if (view === undefined) return false;
  const intact = view.members.filter((member) => !ledger.lost.has(member.incarnation) && member.incarnation !== incarnation);
  return intact.length >= sealQuorum(view) && intact.length >= 1;
}

/** Each strikes somewhere, and says where, or finds nothing to strike. */
const DAMAGES = {
  "disk-damaged": (chance: Chance, disk: SimDisk, plan: Plan, incarnation: Incarnation) =>
    flipBit(chance, disk, { group: plan.spec.group, incarnation }),
  "file-lost": loseFile,
  // What a segment has grown by it need not have: it says how long it was made.
  "file-cut": (chance: Chance, disk: SimDisk, plan: Plan) => cutFile(chance, disk, plan.segmentSizeBytes),
};

/** Data that is not in use by a process is lost or damaged; a server that runs is killed first. */
export function loseData(scene: Scene, chance: Chance, kind: "disk-wiped" | keyof typeof DAMAGES): boolean {
  const { world, plan, serverHosts } = scene.installation;
  if (plan.spec.durability === "memory") return false;
  const places = serverHosts.flatMap((host) => [...host.disks].map(([replica, disk]) => ({ host, replica, disk })));
  const targets = places.filter(({ disk }) => {
    const incarnation = incarnationOn(disk);
    return incarnation !== null && mayLose(scene, incarnation);
  });
  if (targets.length === 0) return false;
  const { host, replica, disk } = chance.pick(targets);
  const holder = host.locks.get(replica);
  if (holder !== undefined) endProcess(world, holder, null, "SIGKILL");
  const incarnation = incarnationOn(disk);
  if (incarnation === null) return false;
  if (kind === "disk-wiped") {
    mark(world, kind);
    note(world, replica, kind, () => host.hostId);
    scene.ledger.lost.add(incarnation);
    host.disks.set(replica, createSimDisk());
    return true;
  }
  const where = DAMAGES[kind](chance, disk, plan, incarnation);
  note(world, replica, kind, () => where ?? "nothing to damage");
  if (where === null) return false;
  mark(world, kind);
  // Whether it is found out is for the store to show: what was confirmed must be there, or the whole is given up.
  if (!isNamed(disk)) scene.ledger.lost.add(incarnation);
  return true;
}

/** Without its name a folder that holds no entry is like a new one. */
function isNamed(disk: SimDisk): boolean {
  const identity = disk.files.get(IDENTITY_PATH);
  return identity !== undefined && identity.content.length > 0;
}
