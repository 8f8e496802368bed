/** Everything that can happen next in a world, with the checks of what comes of it. */
import { assert } from "../vocabulary/assert.js";
import type { Member } from "../vocabulary/view.js";
import type { ClientRequest } from "../server/core/event.js";
import { type Answer, envelopeAt, envelopeNumber, epochNumber, eventNumber, factsAt, type HostEvent, hostAt, outturn } from "./catalog.js";
import { askRead, checkLeader, checkState, commit, type Ledger, READ_TICKET, take, wordFor } from "./ledger.js";
import { bootOf, idOf, incarnationOf, type Life, lifeNumber, replicaOfLife, rmConnection } from "./life.js";
import { messageText } from "./narration.js";
import { activeView, type Move, movesOf, type Rm, type Sights } from "./rm-script.js";
import { freeze } from "./plain-data.js";
import { bytesOf } from "./word-list.js";
import { type Budget, livesOf, netAfter, netWith, type Space, type World } from "./world.js";

/**
 * Takes a world that comes next. `text` is empty unless it is asked for. `isDue`: what happens by itself where nothing disturbs; of several
 * such steps the first that changes anything.
 */
export type Visit = (next: World, text: string, violation: string | null, isDue: boolean) => void;

interface Happened {
  readonly next: World;
  readonly violation: string | null;
}

const NO_CHANGES: Partial<World> = {};

/** All that follows from one event at one replica; `next` is `world` itself when that is nothing. */
function happen(space: Space, world: World, replica: number, event: HostEvent, changes: Partial<World>): Happened {
  const { catalog } = space;
  const result = outturn(catalog, world.hosts[replica - 1] ?? 0, eventNumber(catalog, event));
  if (changes === NO_CHANGES) {
    const isKnown = result.answers.length === 0 && result.sent.every((number) => world.net.includes(number));
    const isSame = result.host === world.hosts[replica - 1] && isKnown && result.violation === null;
    if (isSame || result.isNothing) return { next: world, violation: null };
  }
  const hosts = world.hosts.map((host, i) => (i === replica - 1 ? result.host : host));
  const next: World = { ...world, ...changes, hosts };
  if (result.violation !== null) return { next, violation: result.violation };
  const broken = checkPromise(space, world, result.sent);
  if (broken !== null) return { next, violation: broken };
  const checked = account(space, next, replica, changes.ledger ?? world.ledger, result.answers);
  if (typeof checked === "string") return { next, violation: checked };
  const isPast =
    factsAt(catalog, result.host).promise !== factsAt(catalog, world.hosts[replica - 1] ?? 0).promise || changes !== NO_CHANGES;
  const net = isPast ? netAfter(space, world.net, result.sent, hosts, next.rms) : netWith(space, world.net, result.sent, hosts, next.rms);
  return { next: { ...next, net, ledger: checked }, violation: null };
}

/** What the changed replica has committed, done and said, against what was promised. */
function account(space: Space, world: World, replica: number, before: Ledger, answers: readonly Answer[]): Ledger | string {
  const { catalog } = space;
  const facts = factsAt(catalog, world.hosts[replica - 1] ?? 0);
  const { chain } = world.store;
  let ledger = commit(before, facts);
  if (typeof ledger === "string") return ledger;
  const grew = ledger !== before;
  if (grew && facts.leads !== 0 && !chain.includes(facts.leads))
    return `S4c: r${replica} counts entries as committed in a view that was never written`;
  const wrong = checkState(ledger, facts) ?? checkRivals(space, world, replica);
  if (wrong !== null) return wrong;
  const newest = chain[chain.length - 1] ?? 0;
  for (const host of grew ? world.hosts : [world.hosts[replica - 1] ?? 0]) {
    const lacking = checkLeader(ledger, factsAt(catalog, host), newest);
    if (lacking !== null) return lacking;
  }
  for (const answer of answers) {
    if (answer.kind === "reply" && facts.leads !== 0 && !chain.includes(facts.leads))
      return `S4c: r${replica} answers in a view that was never written`;
    ledger = take(ledger, answer);
    if (typeof ledger === "string") return ledger;
  }
  return ledger;
}

/** S2a: what has answered a Seal acknowledges and confirms nothing of an older epoch any more. */
function checkPromise(space: Space, world: World, sent: readonly number[]): string | null {
  for (const number of sent) {
    const { message, from, epoch } = envelopeAt(space.catalog, number);
    if (message.kind !== "append-ack" && message.kind !== "confirmed") continue;
    for (const other of world.net) {
      const sealed = envelopeAt(space.catalog, other);
      if (sealed.message.kind !== "sealed" || sealed.epoch <= epoch || replicaOfLife(sealed.from) !== replicaOfLife(from)) continue;
      const life = livesOf(space, world.hosts).find((one) => one.replica === replicaOfLife(from));
      if (life === undefined || incarnationOf(life) !== sealed.message.incarnation) continue;
      return `S2a: r${life.replica} has answered a Seal, and then sends ${messageText(envelopeAt(space.catalog, number))}`;
    }
  }
  return null;
}

/** S1b: nobody leads an epoch that another leads. */
function checkRivals(space: Space, world: World, replica: number): string | null {
  const { leads } = factsAt(space.catalog, world.hosts[replica - 1] ?? 0);
  if (leads === 0) return null;
  const rival = world.hosts.findIndex((host, i) => i !== replica - 1 && factsAt(space.catalog, host).leads === leads);
  return rival < 0 ? null : `S1b: r${replica} and r${rival + 1} lead the same epoch`;
}

function spend(budget: Budget, name: keyof Budget): Budget {
  return { ...budget, [name]: budget[name] - 1 };
}

export function successors(space: Space, world: World, explain: boolean, visit: Visit): void {
  for (const replica of space.scope.order) if (replica <= world.hosts.length) dueSteps(space, world, replica, explain, visit);
  const moves = world.rms.flatMap((rm) => movesOf(rm, world.store, sightsOf(space, world, rm)).map((move) => ({ rm, move })));
  for (const { rm, move } of moves) if (!move.begins) rmStep(space, world, rm, move, visit);
  for (let replica = 1; replica <= world.hosts.length; replica++) requestSteps(space, world, replica, explain, visit);
  for (const { rm, move } of moves) if (move.begins) rmStep(space, world, rm, move, visit);
  for (let replica = 1; replica <= world.hosts.length; replica++) {
    readSteps(space, world, replica, explain, visit);
    waitSteps(space, world, replica, explain, visit);
    deaths(space, world, replica, explain, visit);
  }
}

/** What a replica's disk and its connections bring it. */
function dueSteps(space: Space, world: World, replica: number, explain: boolean, visit: Visit): void {
  if (factsAt(space.catalog, world.hosts[replica - 1] ?? 0).hasWrites) {
    const { next, violation } = happen(space, world, replica, { kind: "write-done" }, NO_CHANGES);
    visit(next, explain ? `r${replica}: its oldest write is durable` : "", violation, true);
  }
  for (const number of world.net) {
    const envelope = envelopeAt(space.catalog, number);
    if (envelope.replica !== replica) continue;
    const { next, violation } = happen(space, world, replica, { kind: "receive", envelope: number }, NO_CHANGES);
    if (next !== world || violation !== null) visit(next, explain ? `r${replica} receives ${messageText(envelope)}` : "", violation, true);
  }
}

/** What a leader does when it has waited. */
function waitSteps(space: Space, world: World, replica: number, explain: boolean, visit: Visit): void {
  const facts = factsAt(space.catalog, world.hosts[replica - 1] ?? 0);
  if (facts.leads === 0) return;
  if (world.budget.heartbeats > 0) {
    const budget = spend(world.budget, "heartbeats");
    const { next, violation } = happen(space, world, replica, { kind: "heartbeat" }, { budget });
    visit(next, explain ? `r${replica} sends heartbeats, and again what is not acknowledged` : "", violation, false);
  }
  if (!facts.isSynchronising || !space.scope.leadTimeouts) return;
  const { next, violation } = happen(space, world, replica, { kind: "lead-timeout" }, NO_CHANGES);
  visit(next, explain ? `r${replica} gives up leading: no quorum in time` : "", violation, false);
}

const requests = new Map<string, HostEvent>();

function requestOf(space: Space, request: number, floor: number): HostEvent {
  const key = `${space.session} ${request} ${floor}`;
  let event = requests.get(key);
  if (event === undefined) {
    event = makeRequest(space, request, floor);
    requests.set(key, event);
  }
  return event;
}

function makeRequest(space: Space, request: number, floor: number): HostEvent {
  const word = wordFor(request);
  const identity = { kind: "session", session: space.session, resumption: 0, sequence: request, floor } as const;
  const message: ClientRequest = { kind: "request", ticket: request, identity, operation: "add", input: bytesOf(word) };
  return freeze({ kind: "ask", request: message, digest: request });
}

function requestSteps(space: Space, world: World, replica: number, explain: boolean, visit: Visit): void {
  const { ledger, store } = world;
  for (let request = 1; request <= ledger.answers.length; request++) {
    // S6b: the floor is the lowest number without an answer, as far as the client has heard.
    for (let floor = 1; floor <= request && (floor === 1 || ledger.answers[floor - 2] !== ""); floor++) {
      const { next, violation } = happen(space, world, replica, requestOf(space, request, floor), NO_CHANGES);
      if (next !== world || violation !== null)
        visit(next, explain ? `r${replica} receives request ${request} (floor ${floor})` : "", violation, request <= store.chain.length);
    }
  }
}

function readSteps(space: Space, world: World, replica: number, explain: boolean, visit: Visit): void {
  const { ledger, budget } = world;
  if (budget.reads === 0 || ledger.read !== null) return;
  const ticket = READ_TICKET + budget.reads;
  const query: ClientRequest = {
    kind: "query",
    ticket,
    query: "all",
    input: new Uint8Array(0),
    consistency: "linearizable",
    atLeastIndex: 0,
  };
  const changes = { ledger: askRead(ledger, ticket), budget: spend(budget, "reads") };
  const { next, violation } = happen(space, world, replica, { kind: "ask", request: query, digest: 0 }, changes);
  // Sent on at once: nothing was asked.
  if (next.ledger.read === null && next.hosts[replica - 1] === world.hosts[replica - 1] && violation === null) return;
  visit(next, explain ? `r${replica} is asked to read` : "", violation, false);
}

/** S5: no more than w - 1 of a view, active or attempted, lose what they had; more is loss, and not promised against. */
function mayWipe(space: Space, world: World, replica: number): boolean {
  const lives = livesOf(space, world.hosts);
  const views = [activeView(world.store.content), ...world.rms.map((rm) => rm.attempt?.view ?? null)];
  return views.every((view) => {
    if (view === null) return true;
    const lost = view.members.filter((member) => {
      const life = lives.find((other) => idOf(other.replica) === member.replica);
      return life === undefined || life.replica === replica || incarnationOf(life) !== member.incarnation;
    });
    return lost.length <= view.quorum - 1;
  });
}

function deaths(space: Space, world: World, replica: number, explain: boolean, visit: Visit): void {
  const { budget } = world;
  if (budget.restarts > 0) die(space, world, replica, "restarts", explain, visit);
  if (budget.wipes > 0 && mayWipe(space, world, replica)) die(space, world, replica, "wipes", explain, visit);
}

function die(space: Space, world: World, replica: number, how: "restarts" | "wipes", explain: boolean, visit: Visit): void {
  const lives = livesOf(space, world.hosts);
  const peers = lives.filter((life) => life.replica !== replica);
  const incarnation = how === "wipes" ? 1 : 0;
  const budget = spend(world.budget, how);
  const { next, violation } = happen(space, world, replica, { kind: "restart", incarnation, peers }, { budget });
  const text = explain ? `r${replica} dies and starts again ${how === "wipes" ? "without" : "with"} its disk` : "";
  if (violation !== null) return visit(next, text, violation, false);
  const life = hostAt(space.catalog, next.hosts[replica - 1] ?? 0).life;
  const met = meet(space, next, life);
  visit(met.next, text, met.violation, false);
}

/** The others meet the new process. */
function meet(space: Space, world: World, life: Life): Happened {
  let next = world;
  for (let replica = 1; replica <= world.hosts.length; replica++) {
    if (replica === life.replica) continue;
    const result = happen(space, next, replica, { kind: "meet", life }, NO_CHANGES);
    if (result.violation !== null) return result;
    next = result.next;
  }
  return { next, violation: null };
}

function sightsOf(space: Space, world: World, rm: Rm): Sights {
  const heard = world.net
    .map((number) => envelopeAt(space.catalog, number))
    .filter((envelope) => envelope.replica === 0 && envelope.rm === rm.rm);
  const lives = livesOf(space, world.hosts);
  const base = rm.attempt?.base ?? null;
  const candidates: Member[] = lives
    .map((life) => ({ replica: idOf(life.replica), incarnation: incarnationOf(life) }))
    .filter(
      (member) => !(base?.members ?? []).some((other) => other.replica === member.replica && other.incarnation === member.incarnation),
    );
  return {
    sealed: heard.flatMap(({ message }) => (message.kind === "sealed" ? [message] : [])),
    ledBy: heard.flatMap(({ message, from }) =>
      message.kind === "led" ? lives.filter((life) => lifeNumber(life) === from).map(bootOf) : [],
    ),
    candidates,
    mayBegin: world.budget.attempts > 0,
    style: space.scope.style,
  };
}

function rmStep(space: Space, world: World, rm: Rm, move: Move, visit: Visit): void {
  visit(afterMove(space, world, rm, move), move.text, checkChain(world, rm, move), move.isDue);
}

/** S1: a view follows the one that was sealed for it, and no other has come between. */
function checkChain(world: World, rm: Rm, move: Move): string | null {
  const { chain } = world.store;
  if (move.store.chain === chain || rm.attempt === null) return null;
  const last = chain[chain.length - 1] ?? 0;
  const sealed = rm.attempt.base === null ? 0 : epochNumber(rm.attempt.base.epoch);
  return sealed === last ? null : "S1: the view that is written follows one that is not the last active view any more";
}

export function afterMove(space: Space, world: World, rm: Rm, move: Move): World {
  const rms = world.rms.map((other) => (other.rm === rm.rm ? move.rm : other));
  const sent = move.orders.map(({ to, message }) =>
    envelopeNumber(space.catalog, { from: 0, replica: to, life: 0, connection: rmConnection(rm.rm), rm: rm.rm, message: freeze(message) }),
  );
  const budget = move.begins ? spend(world.budget, "attempts") : world.budget;
  return { ...world, rms, store: move.store, budget, net: netAfter(space, world.net, sent, world.hosts, rms) };
}

/** One event at one replica, in which nothing may go wrong. */
export function happenAt(space: Space, world: World, replica: number, event: HostEvent): World {
  const { next, violation } = happen(space, world, replica, event, NO_CHANGES);
  assert(violation === null, "explore", () => String(violation));
  return next;
}
