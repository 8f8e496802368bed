import type { AdminCommand, AdminOutcome, StatusImage } from "../../vocabulary/admin.js";
import { bootId, clusterId, type ReplicaId, replicaId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { ControlMessage, Message } from "../../vocabulary/message.js";
import type { DetectorKnobs, GroupSpec } from "../../vocabulary/spec.js";
import type { View } from "../../vocabulary/view.js";
import { type ControlContent, refuseSuccession } from "./content.js";
import type { Announcement, Destination, RmEffect } from "./effect.js";
import type { RmEvent, RmPeer } from "./event.js";
import {
  answerActivate,
  answerLead,
  answerSeal,
  createServer,
  type FakeServer,
  GROUP,
  reportOf,
  SPEC,
} from "./fake-server.test-harness.js";
import { faultEvent, gfdPeer, HOST, lfdPeer, membershipEvent } from "./gfd.test-harness.js";
import { createRm, nextWakeMs, type Rm } from "./state.js";
import { step } from "./step.js";
import type { RmTiming } from "./timing.js";

export { GROUP, HOST, lfdPeer, SPEC };
const INSTALLATION = clusterId("c".repeat(32));

export interface World {
  rm: Rm;
  nowMs: number;
  revision: number;
  content: ControlContent | null;
  /** Writes are kept back until `releaseWrites`. */
  holdWrites: boolean;
  /** The next write is done, or not, and the RM is told that this is unknown. */
  nextWriteUnknown: "done" | "lost" | null;
  holdReads: boolean;
  heldReads: number[];
  heldWrites: Extract<RmEffect, { kind: "store-swap" }>[];
  readonly servers: Map<ReplicaId, FakeServer>;
  readonly said: Announcement[];
  readonly sent: { to: Destination; message: Message }[];
  readonly answers: AdminOutcome[];
  readonly effects: RmEffect[];
  status: StatusImage | null;
  ended: string | null;
  lfdUp: boolean;
  lfdKnobs: DetectorKnobs;
  gfdStopped: boolean;
  /** The LFD carries out no start. */
  refuseStarts: boolean;
  refuseKills: boolean;
  loseKills: boolean;
  version: number;
  boots: number;
  rms: number;
  spec: GroupSpec;
  timing: Partial<RmTiming>;
  /** Events are taken one after another, as in a process. */
  readonly queue: RmEvent[];
}

export function createWorld(change: Partial<GroupSpec> = {}, timing: Partial<RmTiming> = {}): World {
  const spec = { ...SPEC, ...change };
  return {
    rm: newRm(spec, 1, timing),
    nowMs: 1000,
    revision: 0,
    content: null,
    holdWrites: false,
    nextWriteUnknown: null,
    holdReads: false,
    heldReads: [],
    heldWrites: [],
    servers: new Map(),
    said: [],
    sent: [],
    answers: [],
    effects: [],
    status: null,
    ended: null,
    lfdUp: true,
    lfdKnobs: DEFAULTS.lfd,
    gfdStopped: false,
    refuseStarts: false,
    refuseKills: false,
    loseKills: false,
    version: 0,
    boots: 0,
    rms: 1,
    spec,
    timing,
    queue: [],
  };
}

function newRm(spec: GroupSpec, number: number, timing: Partial<RmTiming>): Rm {
  const boot = bootId(`${number}`.padStart(32, "d"));
  return createRm({ clusterId: INSTALLATION, bootId: boot, pid: 7, hostId: HOST, groups: [spec], timing });
}

export const replica = (number: number): ReplicaId => replicaId(`bank-${number}`);

export function server(world: World, number: number): FakeServer {
  const found = world.servers.get(replica(number));
  if (found === undefined) throw new Error(`no server ${number}`);
  return found;
}

export function activeView(world: World): View {
  const view = world.content?.groups[0]?.activeView ?? null;
  if (view === null) throw new Error("no active view");
  return view;
}

/** Starts the RM (again, from the same store) and connects it to everything, which may take a while. */
export function start(world: World, gfdAfterMs = 0): void {
  push(world, { kind: "start" });
  if (gfdAfterMs > 0) run(world, gfdAfterMs);
  push(world, { kind: "opened", peer: gfdPeer });
  publish(world);
}

export function restartRm(world: World, gfdAfterMs = 0): void {
  world.rms += 1;
  world.rm = newRm(world.spec, world.rms, world.timing);
  world.heldWrites = [];
  world.holdWrites = false;
  for (const fake of world.servers.values()) fake.linked = false;
  start(world, gfdAfterMs);
}

/** Runs until `enough`, or fails. */
export function runUntil(world: World, enough: () => boolean, limitMs = 60_000): void {
  const endMs = world.nowMs + limitMs;
  while (!enough()) {
    const wakeMs = nextWakeMs(world.rm);
    if (wakeMs > endMs) throw new Error(`nothing more happens:\n${world.said.map((one) => one.text).join("\n")}`);
    if (wakeMs <= world.nowMs) throw new Error("the core asks to be woken in the past");
    world.nowMs = wakeMs;
    push(world, { kind: "wake" });
  }
}

export function run(world: World, durationMs: number): void {
  const endMs = world.nowMs + durationMs;
  let steps = 0;
  while (nextWakeMs(world.rm) <= endMs) {
    world.nowMs = nextWakeMs(world.rm);
    push(world, { kind: "wake" });
    steps += 1;
    if (steps > durationMs + 100) throw new Error("the core spins");
  }
  world.nowMs = endMs;
}

/** A group of three that serves. */
export function servingWorld(change: Partial<GroupSpec> = {}, timing: Partial<RmTiming> = {}): World {
  const world = createWorld(change, timing);
  start(world);
  runUntil(world, () => serves(world));
  return world;
}

export function serves(world: World): boolean {
  return world.rm.groups.get(GROUP)?.activeEpoch !== null && world.rm.groups.get(GROUP)?.change === null;
}

export function serverPeer(fake: FakeServer): RmPeer {
  return { kind: "server", group: GROUP, replica: fake.replica, incarnation: fake.incarnation, bootId: fake.bootId };
}

export function push(world: World, ...events: RmEvent[]): void {
  const isUnderWay = world.queue.length > 0;
  world.queue.push(...events);
  if (isUnderWay) return;
  for (let next = world.queue[0]; next !== undefined; next = world.queue[0]) {
    const effects: RmEffect[] = [];
    step(world.rm, world.nowMs, next, effects);
    for (const effect of effects) perform(world, effect);
    world.queue.shift();
  }
}

export function admin(world: World, command: AdminCommand): void {
  push(world, { kind: "admin", connection: 1, ticket: 1, command });
}

function perform(world: World, effect: RmEffect): void {
  world.effects.push(effect);
  switch (effect.kind) {
    case "send":
      world.sent.push({ to: effect.to, message: effect.message });
      return deliver(world, effect.to, effect.message);
    case "set-links":
      if (effect.lfds.length > 0 && world.rm.hosts.get(HOST)?.linkOpen !== true) push(world, { kind: "opened", peer: lfdPeer });
      for (const target of effect.servers) {
        const fake = world.servers.get(target.replica);
        if (fake?.running === true && !fake.linked && !fake.unlinkable) link(world, fake);
      }
      return;
    case "store-read":
      if (world.holdReads) {
        world.heldReads.push(effect.ticket);
        return;
      }
      return push(world, { kind: "store-read", ticket: effect.ticket, record: { revision: world.revision, content: world.content } });
    case "store-swap":
      return swap(world, effect);
    case "announce":
      world.said.push(effect.announcement);
      return;
    case "publish-status":
      world.status = effect.status;
      return;
    case "admin-answer":
      world.answers.push(effect.outcome);
      return;
    case "reached":
      return;
    case "end":
      world.ended = effect.reason;
      return;
  }
}

function swap(world: World, effect: Extract<RmEffect, { kind: "store-swap" }>): void {
  if (world.holdWrites) {
    world.heldWrites.push(effect);
    return;
  }
  const unknown = world.nextWriteUnknown;
  world.nextWriteUnknown = null;
  if (unknown === "lost") return push(world, { kind: "store-unknown", ticket: effect.ticket, reason: "no answer" });
  const refusal =
    effect.expectedRevision === world.revision ? refuseSuccession(world.content, effect.content) : "the revision has moved on";
  if (refusal !== null) return push(world, { kind: "store-refused", ticket: effect.ticket, reason: refusal });
  world.revision += 1;
  world.content = effect.content;
  if (unknown === "done") return push(world, { kind: "store-unknown", ticket: effect.ticket, reason: "no answer" });
  push(world, { kind: "store-swapped", ticket: effect.ticket, revision: world.revision });
}

export function releaseWrites(world: World): void {
  world.holdWrites = false;
  for (const write of world.heldWrites.splice(0)) swap(world, write);
}

export function releaseReads(world: World): void {
  world.holdReads = false;
  const record = { revision: world.revision, content: world.content };
  for (const ticket of world.heldReads.splice(0)) push(world, { kind: "store-read", ticket, record });
}

function link(world: World, fake: FakeServer): void {
  fake.linked = true;
  push(world, { kind: "opened", peer: serverPeer(fake) });
  report(world, fake);
}

export function say(world: World, fake: FakeServer, message: ControlMessage): void {
  if (fake.running && fake.linked) push(world, { kind: "received", peer: serverPeer(fake), message });
}

export function report(world: World, fake: FakeServer): void {
  if (!fake.silent.has("report")) say(world, fake, { kind: "report", report: reportOf(fake) });
}

function deliver(world: World, to: Destination, message: Message): void {
  if (to.kind === "gfd") return answerGfd(world, message);
  if (to.kind === "lfd") return obey(world, message);
  const fake = world.servers.get(to.replica);
  if (fake === undefined || !fake.running || !fake.linked || fake.silent.has(message.kind)) return;
  if (message.kind === "seal") return say(world, fake, answerSeal(fake, message));
  if (message.kind === "lead") return say(world, fake, answerLead(world.servers, fake, message));
  if (message.kind === "activate") {
    const answer = answerActivate(world.servers, fake, message);
    say(world, fake, answer);
    return answer.kind === "activated" ? report(world, fake) : undefined;
  }
  if (message.kind === "learners") {
    fake.learners = [...message.learners];
    return report(world, fake);
  }
  if (message.kind === "hand-over")
    say(world, fake, { kind: "hand-over-ready", group: GROUP, epoch: message.epoch, index: fake.lastIndex });
}

function answerGfd(world: World, message: Message): void {
  if (message.kind !== "heartbeat" || world.gfdStopped) return;
  const pulse = { workCount: 0, eventLoopDelayMs: 0, heapBytes: 0, oldestFsyncMs: 0, stuckMs: 0, executing: null };
  push(world, { kind: "received", peer: gfdPeer, message: { kind: "heartbeat-answer", sequence: message.sequence, pulse, report: null } });
}

export function hearFromLfd(world: World, message: Message): void {
  push(world, { kind: "received", peer: lfdPeer, message });
}

function obey(world: World, message: Message): void {
  if (message.kind === "kill-replica" && world.loseKills) return;
  if (message.kind === "start-replica") {
    if (!world.refuseStarts) boot(world, message.replica);
    push(world, { kind: "received", peer: lfdPeer, message: { kind: "order-done", ticket: message.ticket, error: null } });
    if (!world.refuseStarts) publish(world);
  }
  if (message.kind === "kill-replica" && world.refuseKills) {
    push(world, { kind: "received", peer: lfdPeer, message: { kind: "order-done", ticket: message.ticket, error: "not permitted" } });
  } else if (message.kind === "kill-replica") {
    const fake = world.servers.get(message.replica);
    if (message.discard) {
      world.servers.delete(message.replica);
      publish(world);
    } else if (fake !== undefined && message.bootId === fake.bootId) die(world, fake, "killed");
    push(world, { kind: "received", peer: lfdPeer, message: { kind: "order-done", ticket: message.ticket, error: null } });
  }
}

/** A process of the replica starts: with `disk` the incarnation is that of its folder. */
export function boot(world: World, id: ReplicaId): FakeServer {
  world.boots += 1;
  const old = world.servers.get(id);
  if (old?.running === true) return old;
  const fresh = createServer(id, world.boots);
  if (old !== undefined && world.spec.durability === "disk") {
    const { incarnation: kept, promise, lastEpoch, lastIndex, activeView: view, roomShort, unborn } = old;
    Object.assign(fresh, { incarnation: kept, promise, lastEpoch, lastIndex, activeView: view, roomShort, unborn });
  }
  world.servers.set(id, fresh);
  return fresh;
}

/** The process ends: the connection closes, and the detectors say so at once. */
export function die(world: World, fake: FakeServer, reason = "exit signal SIGKILL"): void {
  const peer = serverPeer(fake);
  fake.running = false;
  fake.verdict = "gone";
  fake.reason = reason;
  if (fake.linked) {
    fake.linked = false;
    push(world, { kind: "closed", peer });
  }
  // The snapshot is right behind it.
  if (world.lfdUp) push(world, faultEvent(fake, 1.5), membershipEvent(world));
}

export function suspect(world: World, fake: FakeServer, reason = "no heartbeat for 160 ms"): void {
  fake.verdict = "suspected";
  fake.reason = reason;
  fault(world, fake, 160);
  publish(world);
}

export function fault(world: World, fake: FakeServer, detectionMs: number): void {
  push(world, faultEvent(fake, detectionMs));
}

/** A full snapshot from the GFD. */
export function publish(world: World): void {
  push(world, membershipEvent(world));
}

export function saidKinds(world: World): string[] {
  return world.said.map((one) => one.kind);
}

export function sentOf<Kind extends Message["kind"]>(world: World, kind: Kind): Extract<Message, { kind: Kind }>[] {
  return world.sent.map((one) => one.message).filter((message): message is Extract<Message, { kind: Kind }> => message.kind === kind);
}
