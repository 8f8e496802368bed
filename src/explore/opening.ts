/** How an exploration begins: the members started, their first view active, a session open, nothing on its way. */
import { assert } from "../vocabulary/assert.js";
import { sessionId } from "../vocabulary/ids.js";
import { firstStart, type HostEvent, envelopeAt, factsAt } from "./catalog.js";
import { createLedger } from "./ledger.js";
import { bootOf, idOf, incarnationOf, type Life } from "./life.js";
import { begin, createRm, createStore, makeView, type Move, write } from "./rm-script.js";
import { afterMove, happenAt } from "./successors.js";
import { replicaCount, type Space, type World } from "./world.js";

const NONCE = "5e";

/** Delivers all that is on its way, in the order in which it was sent. */
function calm(space: Space, world: World): World {
  let calmed = world;
  const done = new Set<number>();
  for (;;) {
    const writer = calmed.hosts.findIndex((host) => factsAt(space.catalog, host).hasWrites);
    const message = calmed.net.find((number) => !done.has(number) && envelopeAt(space.catalog, number).replica !== 0);
    if (writer >= 0) calmed = happenAt(space, calmed, writer + 1, { kind: "write-done" });
    else if (message !== undefined) {
      done.add(message);
      calmed = happenAt(space, calmed, envelopeAt(space.catalog, message).replica, { kind: "receive", envelope: message });
    } else return calmed;
  }
}

function order(space: Space, world: World, move: Move): World {
  const rm = world.rms[0];
  assert(rm !== undefined, "explore");
  return calm(space, { ...afterMove(space, world, rm, { ...move, begins: false }) });
}

function first(space: Space): { world: World; lives: Life[] } {
  const { scope } = space;
  const lives: Life[] = Array.from({ length: replicaCount(scope) }, (_, i) => ({ replica: i + 1, incarnation: 1, boot: 1 }));
  const hosts = lives.map((life) =>
    firstStart(
      space.catalog,
      life,
      lives.filter((other) => other !== life),
    ),
  );
  const founders = lives.slice(0, scope.members).map((life) => ({ replica: idOf(life.replica), incarnation: incarnationOf(life) }));
  const store = createStore(founders, scope.style);
  const { restarts, wipes, attempts, reads, heartbeats } = scope;
  const rms = Array.from({ length: scope.rms }, (_, rm) => createRm(rm, store));
  const budget = { restarts, wipes, attempts, reads, heartbeats };
  return { lives, world: { hosts, net: [], ledger: createLedger(scope.requests), store, rms, budget } };
}

export function opening(space: Space): World {
  const { scope } = space;
  let { world, lives } = first(space);
  const [leader] = lives;
  const rm = world.rms[0];
  assert(leader !== undefined && rm !== undefined, "explore");
  const founders = lives.slice(0, scope.members).map((life) => ({ replica: idOf(life.replica), incarnation: incarnationOf(life) }));
  world = order(space, world, begin(rm, world.store, founders));
  const epoch = world.rms[0]?.attempt?.epoch;
  const founder = founders[0];
  assert(epoch !== undefined && founder !== undefined, "explore");
  const view = makeView(epoch, founders, founder, scope.style);
  const sealed = world.rms[0] ?? rm;
  const lead = { kind: "lead", view, bootId: bootOf(leader), poison: [], leaderEnds: [], book: { version: [0, 0], entries: [] } } as const;
  world = order(space, world, {
    text: "",
    rm: { ...sealed, attempt: { epoch, base: null, view, leaderBootId: lead.bootId } },
    store: world.store,
    orders: [{ to: 1, message: lead }],
    begins: false,
    isDue: true,
  });
  world = order(space, world, write(world.rms[0] ?? rm, world.store, view, lead.bootId));
  world = beat(space, world);
  const ask: HostEvent = { kind: "ask", request: { kind: "open-session", ticket: 0, nonce: NONCE }, digest: 0 };
  world = beat(space, calm(space, happenAt(space, world, 1, ask)));
  space.session = sessionId(1, 2, NONCE);
  assert(world.ledger.committed.length === 2 && world.store.chain.length === 1, "explore", () => "the first view did not come about");
  return { ...world, net: [], rms: world.rms.map((other) => (other.rm === 0 ? other : createRm(other.rm, world.store))) };
}

function beat(space: Space, world: World): World {
  return calm(space, happenAt(space, world, 1, { kind: "heartbeat" }));
}
