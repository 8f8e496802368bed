import type { ReplicaEffect } from "../../server/core/effect.js";
import { checkAll } from "../../server/core/invariants.js";
import type { Durability } from "../../vocabulary/style.js";
import { epochText } from "../../vocabulary/epoch.js";
import { sameView } from "../../vocabulary/view.js";
import type { Installation } from "../installation.js";
import type { Observer } from "../observer.js";
import type { RunningServer } from "../running.js";
import { isAlive, mark, violate } from "../world.js";
import type { Ledger } from "./ledger.js";
import { checkNextView } from "./s1-one-chain.js";
import { checkSent } from "./s2-sealing.js";
import { checkActive } from "./s4-activation.js";
import { checkRecovered, checkStarted, noteInstalled, notePersist, notePersisted } from "./s5-amnesia.js";
import { checkCommitted, checkReply } from "./s8-commitment.js";
import { checkState } from "./s9-determinism.js";

/** Everything is looked over once in so many turns; most rules are checked at each. */
const THOROUGH_EVERY = 64;
const STATE_EVERY = 8;

/** The checkers as an observer of servers. */
export function createWatch(ledger: Ledger, durability: Durability): Observer {
  let turns = 0;

  function checkEffects(server: RunningServer, effects: readonly ReplicaEffect[]): void {
    for (const effect of effects) {
      if (effect.kind !== "send") continue;
      checkSent(ledger, server, effect.message);
      if (effect.message.kind === "reply") checkReply(ledger, server, effect.message);
    }
  }

  return {
    onStart: (server) => checkStarted(ledger, server),
    onEnd(server) {
      if (ledger.running.get(server.incarnation) === server) ledger.running.delete(server.incarnation);
      // What was in memory died with the process.
      if (durability === "memory") ledger.lost.add(server.incarnation);
    },
    onTurn(server, effects) {
      turns += 1;
      checkActive(ledger, server);
      checkCommitted(ledger, server);
      checkEffects(server, effects);
      if (turns % THOROUGH_EVERY === 0) checkAll(server.replica);
    },
    onPerformed(server) {
      if (server.replica.appliedIndex % STATE_EVERY === 0) checkState(ledger, server);
    },
    onPersist: (server, ticket, truncateAfter, entries) => {
      if (truncateAfter !== null) mark(ledger.world, "log-truncated");
      notePersist(ledger, server, ticket, truncateAfter, entries);
    },
    onPersisted: (server, ticket) => notePersisted(ledger, server, ticket),
    onInstalled: (server, index) => noteInstalled(ledger, server, index),
    onRecovered: (place, recovered) => checkRecovered(ledger, place, recovered),
    onPromised: (server, promise) => void ledger.promised.set(server.incarnation, promise),
    onGone(bootId) {
      const server = [...ledger.running.values()].find(({ replica }) => replica.config.bootId === bootId);
      if (server !== undefined && isAlive(server.process))
        violate(ledger.world, "section 8", `${server.process.name} is said to be gone, and pid ${server.process.pid} is there`);
    },
    onClose: (server, reason) => violate(ledger.world, "protocol", `${server.process.name} closes a connection: ${reason}`),
    onUncausedDamage: (place, what) => violate(ledger.world, "S5d", `${place} finds damage that nobody has done: ${what}`),
    onSetAside(incarnation) {
      if (incarnation !== null) ledger.lost.add(incarnation);
    },
  };
}

/** Looks at every view that is written. */
export function watchStore(ledger: Ledger, installation: Installation): void {
  installation.store.onWritten = (content, before) => {
    const view = content.groups[0]?.activeView ?? null;
    const last = before?.groups[0]?.activeView ?? null;
    if (view === null || sameView(view, last)) return;
    mark(ledger.world, "view-written");
    if (installation.store.right !== null) violate(ledger.world, "S1e", `view ${epochText(view.epoch)} is written to a store that is old`);
    checkNextView(ledger, view);
    for (const server of ledger.running.values()) checkAll(server.replica);
  };
}
