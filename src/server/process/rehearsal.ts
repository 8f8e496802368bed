import { requestDigest } from "../../codec/digest.js";
import { encodeEntry } from "../../codec/entry.js";
import { decodeMessage, encodeMessageWhole } from "../../codec/message.js";
import { encodeValue } from "../../codec/value.js";
import { keepBytecode } from "../../runtime/compiling.js";
import { defineService } from "../../service/define-service.js";
import { createExecutor, type Executor } from "../../service/executor.js";
import { serviceMachine } from "../../service/service-machine.js";
import { encodePromise } from "../../storage/promise-file.js";
import { EPOCH_ZERO, type Epoch } from "../../vocabulary/epoch.js";
import { bootId, groupName, hostId, incarnation, type ReplicaId, replicaId } from "../../vocabulary/ids.js";
import { DEFAULTS } from "../../vocabulary/limit.js";
import type { Message, Role } from "../../vocabulary/message.js";
import type { Style } from "../../vocabulary/style.js";
import type { AddressBook, View } from "../../vocabulary/view.js";
import type { ReplicaEffect } from "../core/effect.js";
import type { Peer, ReplicaEvent } from "../core/event.js";
import { createReplica, type Replica } from "../core/state.js";
import { step } from "../core/step.js";
import { eventOfMessage } from "../shell/inbound.js";

const GROUP = groupName("rehearsal");
const IDS = [replicaId("rehearsal-1"), replicaId("rehearsal-2"), replicaId("rehearsal-3")] as const;
/** Once compiles what is used, the others teach the engine what it is used with. */
const TIMES = 3;
const TURNS_MAX = 1_000;
const POISON_REPLY = new Uint8Array(0);
/** In place of the user's service, which is its own business. */
const SERVICE = defineService({
  name: "rehearsal",
  state: () => ({ count: 0, byName: new Map<string, number[]>() }),
  operations: {
    rehearse(state, name: string) {
      state.count += 1;
      state.byName.set(name, [state.count]);
      return state.count;
    },
  },
  queries: { count: (state) => state.count },
});

/** Who says what to whom: a connection's number is the place of the other side in this list. */
const [RM, CLIENT, FIRST_REPLICA] = [0, 1, 2];

interface Actor {
  readonly replica: Replica;
  readonly id: ReplicaId;
  readonly events: ReplicaEvent[];
  readonly executor: Executor;
}

interface Stage {
  readonly actors: readonly Actor[];
  /** What the Replication Manager and the client have been told, newest last. */
  readonly heard: Message[];
  nowMs: number;
}

/**
 * Plays failovers of a group that is not there through the same core and codec that this process will use, so that none of it is run, and that
 * means compiled, for the first time while clients wait. Nothing is written or sent, and nothing of the user's service runs. Returns the answers that the client got.
 */
export function rehearse(style: Style): number {
  keepBytecode();
  let answers = 0;
  for (let time = 0; time < TIMES; time += 1) answers += playOnce(style);
  return answers;
}

function playOnce(style: Style): number {
  const stage: Stage = { actors: IDS.map(createActor), heard: [], nowMs: 1 };
  for (const actor of stage.actors) introduce(stage, actor);
  settle(stage);
  const first = changeView(stage, style, null, [0, 1, 2], [1, 1]);
  tell(stage, 0, CLIENT, { kind: "open-session", ticket: 1, nonce: "0" });
  settle(stage);
  request(stage, 0, 1);
  // The first leader is lost; another one takes over, and the client asks it again and goes on.
  changeView(stage, style, first, [1, 2], [1, 2]);
  request(stage, 1, 1);
  request(stage, 1, 2);
  return stage.heard.filter((message) => message.kind === "reply").length;
}

function createActor(id: ReplicaId): Actor {
  const life = { group: GROUP, replica: id, incarnation: incarnation(id), bootId: bootId(id) };
  const { checkpointEntries, handlerTimeoutMs } = DEFAULTS;
  const replica = createReplica({ ...life, knobs: { minimumReplicas: 1, checkpointEntries, handlerTimeoutMs }, poisonReply: POISON_REPLY });
  const events: ReplicaEvent[] = [];
  const executor = createExecutor(serviceMachine(SERVICE), {
    onCompletion: (completion) => void events.push({ kind: "executions-completed", completions: [completion] }),
  });
  return { replica, id, events, executor };
}

function introduce(stage: Stage, actor: Actor): void {
  actor.events.push({ kind: "recovered", promise: EPOCH_ZERO, activeView: null, blank: true, snapshot: null, entries: [], transfer: null });
  const meet = (connection: number, peer: Peer, outbound: boolean): void =>
    void actor.events.push({ kind: "connection-opened", connection, peer, outbound });
  for (const [connection, role] of [
    [RM, "rm"],
    [CLIENT, "client"],
  ] as const)
    meet(connection, { role, replica: null, incarnation: null, bootId: bootId(role) }, false);
  stage.actors.forEach(({ id }, position) => {
    if (id !== actor.id)
      meet(FIRST_REPLICA + position, { role: "server", replica: id, incarnation: incarnation(id), bootId: bootId(id) }, true);
  });
}

/** As the Replication Manager does it: the first of `positions` is to lead. */
function changeView(stage: Stage, style: Style, base: View | null, positions: readonly number[], epoch: Epoch): View {
  const [leader = 0] = positions;
  const ids = positions.map((position) => IDS[position] ?? IDS[0]);
  const members = ids.map((replica) => ({ replica, incarnation: incarnation(replica) }));
  const view: View = {
    ...{ group: GROUP, generation: 1, epoch, members, leader: ids[0] ?? IDS[0] },
    ...{ style, quorum: 2, durability: "disk" },
  };
  const entries = ids.map((replica) => ({
    ...{ replica, hostId: hostId("rehearsal"), address: { host: "127.0.0.1", port: 1 }, bootId: bootId(replica) },
  }));
  const book: AddressBook = { version: epoch, entries };
  for (const position of positions) tell(stage, position, RM, { kind: "seal", group: GROUP, epoch, base });
  settle(stage);
  tell(stage, leader, RM, { kind: "lead", view, bootId: bootId(view.leader), poison: [], leaderEnds: [], book });
  settle(stage);
  tell(stage, leader, RM, { kind: "activate", view, bootId: bootId(view.leader) });
  settle(stage);
  return view;
}

function request(stage: Stage, position: number, sequence: number): void {
  const opened = stage.heard.find((message) => message.kind === "session-opened");
  if (opened?.kind !== "session-opened") return;
  const identity = { kind: "session", session: opened.session, resumption: 0, sequence, floor: 1 } as const;
  tell(stage, position, CLIENT, { kind: "request", ticket: sequence, identity, operation: "rehearse", input: encodeValue("anybody") });
  settle(stage);
}

/** A message goes through the codec on its way, as everything does. */
function tell(stage: Stage, position: number, from: number, message: Message): void {
  const actor = stage.actors[position];
  const decoded = decodeMessage(encodeMessageWhole(message, GROUP), GROUP);
  if (actor === undefined || !decoded.ok) return;
  const role: Role = from === RM ? "rm" : from === CLIENT ? "client" : "server";
  const event = eventOfMessage({ id: from, peer: { role } }, decoded.message, { digest: requestDigest, wallMs: () => 1, seed: () => 1 });
  if (event !== null) actor.events.push(event);
}

/** Runs all turns that follow from one another. */
function settle(stage: Stage): void {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const position = stage.actors.findIndex((actor) => actor.events.length > 0);
    const actor = stage.actors[position];
    if (actor === undefined) return;
    stage.nowMs += 1;
    const effects: ReplicaEffect[] = [];
    for (const event of [...actor.events.splice(0), { kind: "drained" } as const]) step(actor.replica, stage.nowMs, event, effects);
    for (const effect of effects) perform(stage, position, actor, effect);
  }
}

function perform(stage: Stage, position: number, actor: Actor, effect: ReplicaEffect): void {
  switch (effect.kind) {
    case "send":
      if (effect.connection >= FIRST_REPLICA)
        return tell(stage, effect.connection - FIRST_REPLICA, FIRST_REPLICA + position, effect.message);
      encodeMessageWhole(effect.message, GROUP);
      stage.heard.push(effect.message);
      return;
    case "persist":
      for (const entry of effect.entries) encodeEntry(GROUP, entry);
      actor.events.push({ kind: "entries-persisted", ticket: effect.ticket });
      return;
    case "persist-promise":
      encodePromise({ sequence: 1, promise: effect.promise, activeView: effect.activeView, blank: effect.blank });
      actor.events.push({ kind: "promise-persisted", ticket: effect.ticket });
      return;
    case "execution":
      actor.executor.submit(effect.command);
      return;
    default:
      // Nobody is there to link to, to note for, or to snapshot.
      return;
  }
}
