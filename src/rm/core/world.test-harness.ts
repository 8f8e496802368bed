import type { AdminCommand, AdminOutcome, StatusImage } from "../../vocabulary/admin.js";
import { compareEpochs, EPOCH_ZERO, type Epoch } from "../../vocabulary/epoch.js";
import {
  type BootId,
  bootId,
  clusterId,
  groupName,
  hostId,
  type Incarnation,
  incarnation,
  type ReplicaId,
  replicaId,
} from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { ControlMessage, Message } from "../../vocabulary/message.js";
import type { ReplicaObservation } from "../../vocabulary/message-detection.js";
import type { LearnerProgress } from "../../vocabulary/report.js";
import type { GroupSpec } from "../../vocabulary/spec.js";
import type { Verdict } from "../../vocabulary/verdict.js";
import type { Member, View } from "../../vocabulary/view.js";
import { type ControlContent, refuseSuccession } from "./content.js";
import type { Announcement, Destination, RmEffect } from "./effect.js";
import type { RmEvent, RmPeer } from "./event.js";
import { createRm, nextWakeMs, type Rm } from "./state.js";
import { step } from "./step.js";
import type { RmTiming } from "./timing.js";

export const GROUP = groupName("bank");
export const HOST = hostId("host-1");
const CLUSTER = clusterId("c".repeat(32));

export const SPEC: GroupSpec = {
  group: GROUP,
  service: { name: "bank", hash: "a".repeat(64), path: "/services/bank.mjs", styles: ["active", "warm-passive"] },
  style: "warm-passive",
  replicas: 3,
  minimumReplicas: 1,
  quorum: "majority",
  durability: "disk",
  checkpointEntries: 1000,
  handlerTimeoutMs: 5000,
  onLoss: "wait",
};

/** A server as the RM sees it: answers as scripted, holds no log but its end. */
export interface FakeServer {
  readonly replica: ReplicaId;
  incarnation: Incarnation;
  bootId: BootId;
  pid: number;
  running: boolean;
  linked: boolean;
  verdict: Verdict;
  paused: boolean;
  reason: string;
  executing: string | null;
  promise: Epoch;
  lastEpoch: Epoch;
  lastIndex: number;
  activeView: View | null;
  leadsEpoch: Epoch | null;
  leadActive: boolean;
  learners: Member[];
  /** Kinds of messages that it takes without an answer. */
  readonly silent: Set<Message["kind"]>;
  /** What it says to Lead instead of leading. */
  unreachable: ReplicaId[] | null;
  withinBound: boolean;
}

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
  gfdStopped: boolean;
  /** The LFD carries out no start. */
  refuseStarts: boolean;
  refuseKills: boolean;
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
    gfdStopped: false,
    refuseStarts: false,
    refuseKills: false,
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
  return createRm({ clusterId: CLUSTER, bootId: boot, pid: 7, hostId: HOST, groups: [spec], timing });
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

/** Starts the RM (again, from the same store) and connects it to everything. */
export function start(world: World): void {
  push(world, { kind: "start" });
  push(world, { kind: "opened", peer: gfdPeer });
  publish(world);
}

export function restartRm(world: World): void {
  world.rms += 1;
  world.rm = newRm(world.spec, world.rms, world.timing);
  world.heldWrites = [];
  world.holdWrites = false;
  for (const fake of world.servers.values()) fake.linked = false;
  start(world);
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

const gfdPeer: Extract<RmPeer, { kind: "gfd" }> = { kind: "gfd", bootId: bootId("f".repeat(32)), pid: 3 };
const lfdPeer: Extract<RmPeer, { kind: "lfd" }> = { kind: "lfd", host: HOST, bootId: bootId("e".repeat(32)) };

export function serverPeer(fake: FakeServer): RmPeer {
  return { kind: "server", group: GROUP, replica: fake.replica, incarnation: fake.incarnation, bootId: fake.bootId };
}

export function push(world: World, event: RmEvent): void {
  world.queue.push(event);
  if (world.queue.length > 1) return;
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
        if (fake?.running === true && !fake.linked) link(world, fake);
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
  const learners = fake.learners.map(
    (member): LearnerProgress => ({ ...member, ackedIndex: 0, withinBound: fake.withinBound, transferredBytes: 0, transferSizeBytes: 0 }),
  );
  const { replica: id, incarnation: life, bootId: boot, promise, leadsEpoch, leadActive, activeView: view, lastEpoch, lastIndex } = fake;
  const blank = lastIndex === 0 && compareEpochs(promise, EPOCH_ZERO) === 0 && view === null;
  say(world, fake, {
    kind: "report",
    report: {
      group: GROUP,
      replica: id,
      incarnation: life,
      bootId: boot,
      role: leadsEpoch === null ? "follower" : "leader",
      style: "warm-passive",
      promise,
      leadsEpoch,
      leadActive,
      activeView: view,
      lastEpoch,
      lastIndex,
      persistedIndex: lastIndex,
      commitIndex: lastIndex,
      appliedIndex: lastIndex,
      blank,
      learners,
      unreachable: [],
      executedCount: 0,
    },
  });
}

function deliver(world: World, to: Destination, message: Message): void {
  if (to.kind === "gfd") return answerGfd(world, message);
  if (to.kind === "lfd") return obey(world, message);
  const fake = world.servers.get(to.replica);
  if (fake === undefined || !fake.running || !fake.linked || fake.silent.has(message.kind)) return;
  if (message.kind === "seal") return answerSeal(world, fake, message);
  if (message.kind === "lead") return answerLead(world, fake, message);
  if (message.kind === "activate") return answerActivate(world, fake, message);
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

function answerSeal(world: World, fake: FakeServer, message: Extract<ControlMessage, { kind: "seal" }>): void {
  const { replica: id, incarnation: life, bootId: boot } = fake;
  const blank = fake.lastIndex === 0 && compareEpochs(fake.promise, EPOCH_ZERO) === 0;
  if (compareEpochs(fake.promise, message.epoch) > 0) {
    say(world, fake, {
      kind: "seal-refused",
      group: GROUP,
      epoch: message.epoch,
      promise: fake.promise,
      activeView: fake.activeView,
      reason: "promised",
    });
    return;
  }
  fake.promise = message.epoch;
  fake.leadsEpoch = null;
  fake.leadActive = false;
  const { lastEpoch, lastIndex, activeView: view } = fake;
  say(world, fake, {
    kind: "sealed",
    group: GROUP,
    epoch: message.epoch,
    replica: id,
    incarnation: life,
    bootId: boot,
    lastEpoch,
    lastIndex,
    commitIndex: lastIndex,
    activeView: view,
    blank,
  });
}

function answerLead(world: World, fake: FakeServer, message: Extract<ControlMessage, { kind: "lead" }>): void {
  const { epoch, members } = message.view;
  const { unreachable } = fake;
  if (unreachable !== null && (unreachable.length === 0 || members.some((member) => unreachable.includes(member.replica)))) {
    say(world, fake, { kind: "lead-failed", group: GROUP, epoch, reason: "out of reach", unreachable });
    return;
  }
  const startIndex = fake.lastIndex + 1;
  for (const member of members) {
    const other = world.servers.get(member.replica);
    if (other === undefined || !other.running || other.incarnation !== member.incarnation) continue;
    Object.assign(other, { promise: epoch, lastEpoch: epoch, lastIndex: startIndex });
  }
  fake.leadsEpoch = epoch;
  say(world, fake, { kind: "led", group: GROUP, epoch, startIndex });
}

function answerActivate(world: World, fake: FakeServer, message: Extract<ControlMessage, { kind: "activate" }>): void {
  const { epoch } = message.view;
  if (message.bootId !== fake.bootId || fake.leadsEpoch === null || compareEpochs(fake.leadsEpoch, epoch) !== 0) {
    say(world, fake, { kind: "activate-refused", group: GROUP, epoch, reason: "I do not lead it" });
    return;
  }
  fake.leadActive = true;
  for (const member of message.view.members) {
    const other = world.servers.get(member.replica);
    if (other !== undefined && other.incarnation === member.incarnation) other.activeView = message.view;
  }
  say(world, fake, { kind: "activated", group: GROUP, epoch });
  report(world, fake);
}

function obey(world: World, message: Message): void {
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
  const life = incarnation(`${world.boots}`.padStart(32, "a"));
  const fresh: FakeServer = {
    replica: id,
    incarnation: life,
    bootId: bootId(`${world.boots}`.padStart(32, "b")),
    pid: 100 + world.boots,
    running: true,
    linked: false,
    verdict: "alive",
    paused: false,
    reason: "",
    executing: null,
    promise: EPOCH_ZERO,
    lastEpoch: EPOCH_ZERO,
    lastIndex: 0,
    activeView: null,
    leadsEpoch: null,
    leadActive: false,
    learners: [],
    silent: new Set(),
    unreachable: null,
    withinBound: true,
  };
  if (old !== undefined && world.spec.durability === "disk") {
    const { incarnation: kept, promise, lastEpoch, lastIndex, activeView: view } = old;
    Object.assign(fresh, { incarnation: kept, promise, lastEpoch, lastIndex, activeView: view });
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
  if (world.lfdUp) fault(world, fake, 1.5);
  if (world.lfdUp) publish(world);
}

export function suspect(world: World, fake: FakeServer, reason = "no heartbeat for 160 ms"): void {
  fake.verdict = "suspected";
  fake.reason = reason;
  fault(world, fake, 160);
  publish(world);
}

function fault(world: World, fake: FakeServer, detectionMs: number): void {
  const { replica: id, bootId: of, verdict, reason } = fake;
  push(world, {
    kind: "received",
    peer: gfdPeer,
    message: { kind: "fault", hostId: HOST, replica: id, bootId: of, verdict, reason, detectionMs },
  });
}

/** A full snapshot from the GFD. */
export function publish(world: World): void {
  world.version += 1;
  const replicas = [...world.servers.values()].map(
    (fake): ReplicaObservation => ({
      group: GROUP,
      replica: fake.replica,
      incarnation: fake.incarnation,
      bootId: fake.bootId,
      pid: fake.pid,
      address: { host: "127.0.0.1", port: fake.pid },
      verdict: fake.verdict,
      counted: true,
      paused: fake.paused,
      reason: fake.reason,
      executing: fake.executing,
      report: null,
    }),
  );
  push(world, {
    kind: "received",
    peer: gfdPeer,
    message: {
      kind: "membership",
      bootId: gfdPeer.bootId,
      version: world.version,
      complete: true,
      memberCount: replicas.length,
      knobs: DEFAULTS.gfd,
      hosts: [
        {
          hostId: HOST,
          bootId: lfdPeer.bootId,
          pid: 2,
          address: { host: "127.0.0.1", port: 2 },
          verdict: world.lfdUp ? "alive" : "gone",
          complete: world.lfdUp,
          knobs: DEFAULTS.lfd,
          replicas,
        },
      ],
    },
  });
}

export function saidKinds(world: World): string[] {
  return world.said.map((one) => one.kind);
}

export function sentOf<Kind extends Message["kind"]>(world: World, kind: Kind): Extract<Message, { kind: Kind }>[] {
  return world.sent.map((one) => one.message).filter((message): message is Extract<Message, { kind: Kind }> => message.kind === kind);
}
