/** How an exploration begins: the members started, their first view active, a session open, nothing on its way. */
import { assert, InvariantViolation } from "../vocabulary/assert.js";
import { sessionId } from "../vocabulary/ids.js";
import type { Member } from "../vocabulary/view.js";
import { envelopeAt, factsAt, firstStart, type HostEvent } from "./catalog.js";
import { createLedger } from "./ledger.js";
import { bootOf, idOf, incarnationOf, type Life } from "./life.js";
import { numberOf, objectAt } from "./object-table.js";
import { createCoreRm } from "./rm-core.js";
import { begin, createScriptRm, type Move, type ScriptRm, write } from "./rm-script.js";
import { createStore, makeView, type Store } from "./rm-state.js";
import { ordersNumber, stepsOfRm, takeRmStep } from "./rm-steps.js";
import { intern, sequenceAt } from "./sequence-table.js";
import { happenAt } from "./turns.js";
import { fullBudget, netAfter, isSameRow, left, replicaCount, type Rm, rowOf, sightOf, type Space } from "./world.js";

const NONCE = "5e";

/** Delivers all that is on its way to replicas, in the order in which it was sent. */
function calm(space: Space, row: Int32Array): Int32Array {
  const { catalog, layout, nets } = space;
  let calmed = row;
  const done = new Set<number>();
  for (;;) {
    const hosts = [...calmed.subarray(0, layout.net)];
    const writer = hosts.findIndex((host) => factsAt(catalog, host).hasWrites);
    const message = [...sequenceAt(nets, calmed[layout.net] ?? 0)].find(
      (number) => !done.has(number) && envelopeAt(catalog, number).replica !== 0,
    );
    if (writer >= 0) calmed = happenAt(space, calmed, writer + 1, { kind: "write-done" });
    else if (message !== undefined) {
      done.add(message);
      calmed = happenAt(space, calmed, envelopeAt(catalog, message).replica, { kind: "receive", envelope: message });
    } else return calmed;
  }
}

function scriptOf(space: Space, row: Int32Array): ScriptRm {
  const rm = objectAt(space.rms, row[space.layout.rm] ?? 0);
  assert(rm.kind === "script", "explore");
  return rm;
}

function order(space: Space, row: Int32Array, move: Pick<Move, "rm" | "store" | "orders">): Int32Array {
  const { layout } = space;
  const next = row.slice();
  next[layout.rm] = numberOf(space.rms, move.rm);
  next[layout.store] = numberOf(space.stores, move.store);
  next[layout.net] = netAfter(space, row[layout.net] ?? 0, ordersNumber(space, 0, move.orders), sightOf(space, next));
  return calm(space, next);
}

function foundersOf({ scope }: Space, lives: readonly Life[]): Member[] {
  return lives.slice(0, scope.members).map((life) => ({ replica: idOf(life.replica), incarnation: incarnationOf(life) }));
}

/** The first RM makes the first view by its script. */
function firstViewByScript(space: Space, row: Int32Array, lives: readonly Life[]): Int32Array {
  const [leader] = lives;
  const founders = foundersOf(space, lives);
  const [founder] = founders;
  assert(leader !== undefined && founder !== undefined, "explore");
  const store = objectAt(space.stores, row[space.layout.store] ?? 0);
  const sealing = order(space, row, begin(scriptOf(space, row), store, founders));
  const sealed = scriptOf(space, sealing);
  const epoch = sealed.attempt?.epoch;
  assert(epoch !== undefined, "explore");
  const view = makeView(epoch, founders, founder, space.scope.style);
  const lead = { kind: "lead", view, bootId: bootOf(leader), poison: [], leaderEnds: [], book: { version: [0, 0], entries: [] } } as const;
  const leading = order(space, sealing, {
    rm: { ...sealed, attempt: { epoch, base: null, view, leaderBootId: lead.bootId } },
    store,
    orders: [{ to: 1, message: lead }],
  });
  return order(space, leading, write(scriptOf(space, leading), store, view, lead.bootId));
}

/** The first RM, which is the real core, does what is due until nothing changes; it starts, and waits as long as it must for a first view. */
function ruleByCore(space: Space, row: Int32Array): Int32Array {
  let ruled = calm(space, row);
  for (;;) {
    const hasView = objectAt(space.stores, ruled[space.layout.store] ?? 0).chain.length > 0;
    const next = stepByCore(space, ruled, true) ?? (hasView ? null : stepByCore(space, ruled, false));
    if (next === null) return ruled;
    ruled = next;
  }
}

/** The first of its steps that changes anything. */
function stepByCore(space: Space, row: Int32Array, isDue: boolean): Int32Array | null {
  const next = row.slice();
  for (const step of stepsOfRm(space, row, sightOf(space, row), 0)) {
    if (step.isDue !== isDue || left(step.cost, "suspicions") + left(step.cost, "doubts") > 0) continue;
    if (step.violation !== null) throw new InvariantViolation(step.violation);
    takeRmStep(space, row, 0, step, next);
    next[space.layout.budget] = row[space.layout.budget] ?? 0;
    const calmed = calm(space, next);
    if (!isSameRow(calmed, row)) return calmed;
  }
  return null;
}

/** Throws an `InvariantViolation` where a rule is broken before the first view has come about. */
export function opening(space: Space): Int32Array {
  const { scope, layout, catalog } = space;
  const lives: Life[] = Array.from({ length: replicaCount(scope) }, (_, i) => ({ replica: i + 1, incarnation: 1, boot: 1 }));
  const others = (life: Life): Life[] => lives.filter((other) => other !== life);
  const hosts = lives.map((life) => firstStart(catalog, life, others(life)));
  const store = createStore(foundersOf(space, lives), lives.length, scope);
  const rmOf = (rm: number, at: Store): Rm => (scope.manager === "core" ? createCoreRm(rm, scope) : createScriptRm(rm, at));
  const rms = Array.from({ length: scope.rms }, (_, rm) => rmOf(rm, store));
  let row = rowOf(space, { hosts, ledger: createLedger(scope.requests), store, rms, budget: fullBudget({ ...scope, attempts: 1 }) });
  row = scope.manager === "core" ? ruleByCore(space, row) : firstViewByScript(space, row, lives);
  row = beat(space, row);
  const ask: HostEvent = { kind: "ask", request: { kind: "open-session", ticket: 0, nonce: NONCE }, digest: 0 };
  row = beat(space, calm(space, happenAt(space, row, 1, ask)));
  if (scope.manager === "core") row = ruleByCore(space, row);
  // From here on spares are there.
  space.session = sessionId(1, 2, NONCE);
  const written = objectAt(space.stores, row[layout.store] ?? 0);
  const { committed } = objectAt(space.ledgers, row[layout.ledger] ?? 0);
  assert(committed.length === 2 && written.chain.length === 1, "explore", () => "the first view did not come about");
  row[layout.net] = intern(space.nets, []);
  row[layout.budget] = fullBudget(scope);
  for (let rm = 1; rm < scope.rms; rm++) row[layout.rm + rm] = numberOf(space.rms, rmOf(rm, written));
  return row;
}

function beat(space: Space, row: Int32Array): Int32Array {
  return calm(space, happenAt(space, row, 1, { kind: "heartbeat" }));
}
