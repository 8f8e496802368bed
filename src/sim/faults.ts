import type { ReplicaId } from "../vocabulary/ids.js";
import type { Chance } from "./chance.js";
import { administer, changeMany, changeOne } from "./changes.js";
import { cutPair, cutEachLink, neighbours, partition } from "./cuts.js";
import { loseData, mayDie } from "./data-loss.js";
import { powerOffDisk } from "./disk.js";
import { hangDisk } from "./hanging-disk.js";
import { holdBack, linkName, resetOne, resume } from "./network.js";
import { findOldStore } from "./old-store.js";
import { loseStore } from "./store-loss.js";
import { startSecondRm } from "./second-rm.js";
import { startSecondServer } from "./second-server.js";
import type { RunningServer } from "./running.js";
import { type Fault, hostIds, runningServers, type Scene } from "./scene.js";
import { jumpWallClock } from "./wall-clocks.js";
import { drawDamage } from "./wire.js";
import { after, continueProcess, endProcess, isAlive, mark, type SimHost, type SimProcess, stopProcess } from "./world.js";

/** An operator looks again after so long. */
const ASK_AGAIN_MS = 2_000;

function anyServer(scene: Scene, chance: Chance): RunningServer | null {
  const all = runningServers(scene);
  if (all.length === 0) return null;
  const leader = all.find((server) => server.replica.stance.kind === "leading");
  return leader !== undefined && chance.happens(0.5) ? leader : chance.pick(all);
}

function component(scene: Scene, kind: string, chance: Chance): SimProcess | null {
  const all = [...scene.installation.supervised]
    .filter(([name, process]) => name.startsWith(kind) && isAlive(process))
    .map(([, process]) => process);
  return all.length === 0 ? null : chance.pick(all);
}

function pause(scene: Scene, process: SimProcess, forMs: number): boolean {
  if (process.state !== "running") return false;
  stopProcess(scene.installation.world, process);
  after(scene.installation.world, forMs, () => continueProcess(scene.installation.world, process));
  return true;
}

function pauseLength(chance: Chance): number {
  return chance.pick([chance.between(5, 60), chance.between(60, 400), chance.between(400, 3_000)]);
}

/** The machine stops at once, comes back after a while, and what was not synced is lost. */
function powerOff(scene: Scene, host: SimHost, forMs: number): void {
  const { installation } = scene;
  const { world, network } = installation;
  host.powered = false;
  const cut: string[] = [];
  for (const other of world.hosts.keys()) {
    if (other === host.hostId) continue;
    for (const name of [linkName(host.hostId, other), linkName(other, host.hostId)]) {
      if (network.cuts.has(name)) continue;
      network.cuts.add(name);
      cut.push(name);
    }
  }
  for (const process of world.processes.values()) if (process.host === host) endProcess(world, process, null, "SIGKILL");
  for (const disk of host.disks.values()) powerOffDisk(world.chance.disk, disk);
  after(world, forMs, () => {
    host.powered = true;
    for (const name of cut) network.cuts.delete(name);
    resume(world, network);
  });
}

function slowLink(scene: Scene, chance: Chance): boolean {
  const all = hostIds(scene);
  const { world, network } = scene.installation;
  const name = linkName(chance.pick(all), chance.pick(all));
  network.slow.set(name, chance.between(5, 200));
  after(world, chance.between(200, 4_000), () => network.slow.delete(name));
  return true;
}

function handOver(scene: Scene, chance: Chance): boolean {
  const server = anyServer(scene, chance);
  return server !== null && administer(scene.installation, { kind: "replica", replica: server.replica.config.replica, action: "lead" });
}

function pauseByHand(scene: Scene, chance: Chance): boolean {
  const server = anyServer(scene, chance);
  if (server === null) return false;
  const { replica } = server.replica.config;
  after(scene.installation.world, chance.between(100, 3_000), () => insistOnResume(scene, replica));
  return administer(scene.installation, { kind: "replica", replica, action: "pause" });
}

/** Whoever paused it looks again, until it is paused no longer: an order that was on its way can arrive late, from an RM that is gone. */
function insistOnResume(scene: Scene, replica: ReplicaId): void {
  const { installation, over } = scene;
  administer(installation, { kind: "replica", replica, action: "resume" });
  after(installation.world, ASK_AGAIN_MS, () => {
    const members = installation.status?.groups.flatMap((group) => group.members) ?? [];
    // What a partition held back arrives when everything heals, and the status tells of it a while later.
    if (!over || members.some((member) => member.replica === replica && member.paused)) insistOnResume(scene, replica);
  });
}

function endByHand(scene: Scene, chance: Chance): boolean {
  const server = anyServer(scene, chance);
  if (server === null || !mayDie(scene, server)) return false;
  return administer(scene.installation, {
    kind: "replica",
    replica: server.replica.config.replica,
    action: chance.pick(["kill", "remove"]),
  });
}

/** A client's process dies; it comes back and takes up what its file holds. */
function killClient(scene: Scene, chance: Chance): boolean {
  const process = chance.pick(scene.clients());
  return killAny(scene, process);
}

/** As it dies, what it has asked is still on its way: it may arrive when its next life has taken up the session (S6f). */
function lastWords(scene: Scene, chance: Chance): boolean {
  const process = chance.pick(scene.clients());
  holdBack(scene.installation.network, process, chance.between(20, 400));
  return killAny(scene, process);
}

function diskTrouble(scene: Scene, chance: Chance, kind: "errors" | "full" | "slow"): boolean {
  const disks = scene.installation.serverHosts.flatMap((host) => [...host.disks.values()]);
  if (disks.length === 0) return false;
  const { faults } = chance.pick(disks);
  if (kind === "errors") faults.failProbability = chance.pick([0.01, 0.2]);
  if (kind === "full") faults.full = true;
  if (kind === "slow") faults.slowness = chance.pick([10, 100]);
  after(scene.installation.world, chance.between(100, 2_000), () => {
    faults.failProbability = 0;
    faults.full = false;
    faults.slowness = 1;
  });
  return true;
}

function killAny(scene: Scene, process: SimProcess | null): boolean {
  if (process === null) return false;
  endProcess(scene.installation.world, process, null, "SIGKILL");
  return true;
}

function anyCore(scene: Scene, kind: Core, chance: Chance): SimProcess | null {
  if (kind === "client") return chance.pick(scene.clients());
  if (kind === "server") return anyServer(scene, chance)?.process ?? null;
  return component(scene, kind, chance);
}

type Core = "server" | "lfd" | "gfd" | "rm" | "client";

function dieBetweenEffects(scene: Scene, kind: Core, process: SimProcess, effectsLeft: number): void {
  const { world } = scene.installation;
  process.ambush = {
    effectsLeft,
    strike() {
      mark(world, `${kind}-dies-between-effects`);
      endProcess(world, process, null, "SIGKILL");
    },
  };
}

/** The turn that it was in ends when it goes on: what it does then was decided before. */
function stopBetweenEffects(scene: Scene, chance: Chance): boolean {
  const kind = chance.pick(["server", "lfd", "gfd", "rm", "client"] as const);
  const process = anyCore(scene, kind, chance);
  if (process === null) return false;
  const forMs = pauseLength(chance);
  process.ambush = {
    effectsLeft: chance.integer(1, 30),
    strike() {
      if (pause(scene, process, forMs)) mark(scene.installation.world, `${kind}-stops-between-effects`);
    },
  };
  return true;
}

function killServer(scene: Scene, chance: Chance, effectsLeft: number): boolean {
  const server = anyServer(scene, chance);
  if (server === null || !mayDie(scene, server)) return false;
  if (effectsLeft > 0) dieBetweenEffects(scene, "server", server.process, effectsLeft);
  else endProcess(scene.installation.world, server.process, null, "SIGKILL");
  return true;
}

function powerOffSome(scene: Scene, chance: Chance): boolean {
  const { installation } = scene;
  // In memory a loss of power is a loss of data.
  if (installation.plan.spec.durability === "memory") return false;
  const all = chance.happens(0.2);
  for (const host of all
    ? [...installation.serverHosts, installation.mainHost]
    : [chance.pick([...installation.serverHosts, installation.mainHost])])
    if (host.powered) powerOff(scene, host, chance.between(50, 2_000));
  mark(installation.world, all ? "power-off-all" : "power-off");
  return true;
}

/** What a killed process has written and not synced is there when it is read again, and must not be lost when the power goes after that. */
function killThenPowerOff(scene: Scene, chance: Chance): boolean {
  const server = anyServer(scene, chance);
  const { world, plan } = scene.installation;
  if (server === null || plan.spec.durability === "memory") return false;
  const { host } = server.process;
  endProcess(world, server.process, null, "SIGKILL");
  after(world, chance.between(20, 200), () => {
    if (host.powered && !scene.over) powerOff(scene, host, chance.between(50, 1_000));
  });
  return true;
}

function failpoint(scene: Scene, chance: Chance): boolean {
  const { installation } = scene;
  if (installation.plan.spec.durability === "memory") return false;
  installation.failpoints.add(
    chance.pick(["seal-received", "seal-persisted", "sealed-answered", "start-appended", "start-on-quorum", "activated"]),
  );
  return killServer(scene, chance, 0);
}

function slowProcess(scene: Scene, chance: Chance): boolean {
  const server = anyServer(scene, chance);
  if (server === null) return false;
  const { process } = server;
  process.slowness = chance.pick([20, 200, 2_000]);
  after(scene.installation.world, chance.between(100, 2_000), () => {
    process.slowness = 1;
  });
  return true;
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  "kill-server": (scene, chance) => killServer(scene, chance, 0),
  "kill-then-power-off": killThenPowerOff,
  "kill-between-effects": (scene, chance) => killServer(scene, chance, chance.integer(1, 40)),
  "kill-at-failpoint": failpoint,
  "kill-lfd": (scene, chance) => killAny(scene, component(scene, "lfd", chance)),
  "kill-gfd": (scene, chance) => killAny(scene, component(scene, "gfd", chance)),
  "kill-rm": (scene, chance) => killAny(scene, component(scene, "rm", chance)),
  "rm-between-effects"(scene, chance) {
    const rm = component(scene, "rm", chance);
    if (rm !== null) dieBetweenEffects(scene, "rm", rm, chance.integer(1, 30));
    return rm !== null;
  },
  "core-dies-mid-turn"(scene, chance) {
    const kind = chance.pick(["lfd", "gfd", "client"] as const);
    const process = anyCore(scene, kind, chance);
    if (process !== null) dieBetweenEffects(scene, kind, process, chance.integer(1, 30));
    return process !== null;
  },
  "pause-in-a-turn": stopBetweenEffects,
  "second-rm": (scene) => startSecondRm(scene.installation),
  "pause-server"(scene, chance) {
    const server = anyServer(scene, chance);
    return server !== null && pause(scene, server.process, pauseLength(chance));
  },
  "pause-component"(scene, chance) {
    const process = component(scene, chance.pick(["lfd", "gfd", "rm"]), chance);
    return process !== null && pause(scene, process, pauseLength(chance));
  },
  "pause-client": (scene, chance) => pause(scene, chance.pick(scene.clients()), pauseLength(chance)),
  "pause-by-hand": pauseByHand,
  "end-by-hand": endByHand,
  "kill-client": killClient,
  "last-words": lastWords,
  "slow-process": slowProcess,
  "power-off": powerOffSome,
  partition,
  neighbours,
  "pair-of-hosts-cut": cutPair,
  "every-link-severed": cutEachLink,
  "slow-link": slowLink,
  "connection-reset"(scene) {
    resetOne(scene.installation.world, scene.installation.network, () => true);
    return true;
  },
  "entry-damaged"({ installation: { world, network } }, chance) {
    // There are no bytes to be damaged, otherwise.
    if (world.settings.codec) network.damage = drawDamage(chance);
    return world.settings.codec;
  },
  "time-leap": jumpWallClock,
  "disk-errors": (scene, chance) => diskTrouble(scene, chance, "errors"),
  "disk-full": (scene, chance) => diskTrouble(scene, chance, "full"),
  "disk-slow": (scene, chance) => diskTrouble(scene, chance, "slow"),
  "disk-hang": ({ installation, ledger }, chance) => hangDisk(installation, ledger, chance),
  "disk-wiped": (scene, chance) => loseData(scene, chance, "disk-wiped"),
  "disk-damaged": (scene, chance) => loseData(scene, chance, "disk-damaged"),
  "file-lost": (scene, chance) => loseData(scene, chance, "file-lost"),
  "file-cut": (scene, chance) => loseData(scene, chance, "file-cut"),
  change: ({ installation }, chance) => changeOne(installation, chance),
  "change-many": ({ installation }, chance) => changeMany(installation, chance),
  "hand-over": handOver,
  "second-server"(scene, chance) {
    const server = anyServer(scene, chance);
    return server !== null && startSecondServer(scene.installation, server);
  },
  "old-store": (scene, chance) => findOldStore(scene.installation, scene.ledger, chance),
  "deadly-request"({ installation }, chance) {
    installation.deadly = { key: null, sparedLeft: chance.integer(0, 1), deathsLeft: chance.pick([1, 2, 3, 6]) };
    return true;
  },
  "store-lost": (scene, chance) => loseStore(scene.installation, scene.ledger, scene.clients(), chance),
};
