/** Which hosts do not hear which: halves, a leader alone, a bridge, a ring, one pair, each pair in turn. */
import type { HostId } from "../vocabulary/ids.js";
import type { Chance } from "./chance.js";
import { linkName, resetOne, resume } from "./network.js";
import { hostIds, runningServers, type Scene } from "./scene.js";
import { after, mark, note } from "./world.js";

type Directions = readonly (readonly [HostId, HostId])[];

function cut(scene: Scene, directions: Directions, chance: Chance): void {
  cutFor(scene, directions, chance.pick([chance.between(50, 500), chance.between(500, 4_000)]), chance);
}

function cutFor(scene: Scene, directions: Directions, forMs: number, chance: Chance, healed: () => void = () => {}): void {
  const { world, network } = scene.installation;
  const names = directions.map(([from, to]) => linkName(from, to)).filter((name) => !network.cuts.has(name));
  for (const name of names) network.cuts.add(name);
  note(world, "network", "cut", () => names.join(" "));
  after(world, forMs, () => {
    for (const name of names) network.cuts.delete(name);
    note(world, "network", "healed", () => names.join(" "));
    // Some connections have given up meanwhile.
    if (chance.happens(0.5)) resetOne(world, network, (a, b) => a.host !== b.host);
    resume(world, network);
    healed();
  });
}

/** The leader's host, with those clients that happen to be on its side. */
function leaderAlone(scene: Scene, chance: Chance): HostId[] | null {
  const leader = runningServers(scene).find((server) => server.replica.stance.kind === "leading");
  if (leader === undefined) return null;
  const withIt = scene.clients().map(({ host }) => host.hostId);
  return [...new Set([leader.process.host.hostId, chance.pick(withIt)])];
}

function between(a: HostId, b: HostId, oneWay: boolean): Directions {
  const there = [a, b] as const;
  return oneWay ? [there] : [there, [b, a]];
}

/** Two sides that do not hear one another, or of which one does not hear the other. */
export function partition(scene: Scene, chance: Chance): boolean {
  const all = hostIds(scene);
  if (all.length < 2) return false;
  const left = (chance.happens(0.4) ? leaderAlone(scene, chance) : null) ?? all.filter(() => chance.happens(0.5));
  const right = all.filter((host) => !left.includes(host));
  if (left.length === 0 || right.length === 0) return false;
  const oneWay = chance.happens(0.3);
  mark(scene.installation.world, oneWay ? "cut-one-way" : "cut-in-two");
  cut(
    scene,
    left.flatMap((a) => right.flatMap((b) => between(a, b, oneWay))),
    chance,
  );
  return true;
}

/** Each host hears only its neighbours on a ring, or only one in the middle: any of them, that of the Replication Manager too. */
export function neighbours(scene: Scene, chance: Chance): boolean {
  const { world, mainHost } = scene.installation;
  if (world.hosts.size < 4) return false;
  const bridge = chance.happens(0.5);
  const all = shuffled(hostIds(scene), chance);
  if (!bridge) mark(world, "cut-to-ring");
  else mark(world, all[0] === mainHost.hostId ? "cut-but-for-main" : "cut-but-for-one");
  const heard = (a: number, b: number): boolean =>
    bridge ? a === 0 || b === 0 : Math.abs(a - b) === 1 || Math.abs(a - b) === all.length - 1;
  cut(
    scene,
    all.flatMap((a, i) => all.flatMap((b, j) => (i !== j && !heard(i, j) ? [[a, b] as const] : []))),
    chance,
  );
  return true;
}

/** Two hosts that do not hear one another, or of which one does not hear the other; all others hear both. */
export function cutPair(scene: Scene, chance: Chance): boolean {
  const all = hostIds(scene);
  if (all.length < 2) return false;
  const [a, b] = chance.pick(pairsOf(shuffled(all, chance)));
  const oneWay = chance.happens(0.4);
  mark(scene.installation.world, oneWay ? "pair-cut-one-way" : "pair-cut-both-ways");
  cut(scene, between(a, b, oneWay), chance);
  return true;
}

/** The same with each pair in turn: whoever can do without one link is shown all. */
export function cutEachLink(scene: Scene, chance: Chance): boolean {
  const pairs = shuffled(pairsOf(shuffled(hostIds(scene), chance)), chance);
  if (pairs.length === 0) return false;
  const oneWay = chance.happens(0.4);
  const forMs = chance.pick([chance.between(50, 150), chance.between(150, 600)]);
  const next = (): void => {
    const pair = pairs.pop();
    if (pair === undefined) mark(scene.installation.world, "every-pair-cut");
    else if (!scene.over) cutFor(scene, between(...pair, oneWay), forMs, chance, next);
  };
  next();
  return true;
}

function pairsOf(all: readonly HostId[]): (readonly [HostId, HostId])[] {
  return all.flatMap((a, i) => all.slice(i + 1).map((b) => [a, b] as const));
}

/** Fisher and Yates. */
function shuffled<T>(all: readonly T[], chance: Chance): T[] {
  const left = [...all];
  const order: T[] = [];
  while (left.length > 0) order.push(...left.splice(chance.integer(0, left.length - 1), 1));
  return order;
}
