import type { ReplicaEffect } from "../../server/core/effect.js";
import { checkAll } from "../../server/core/invariants.js";
import type { Message } from "../../vocabulary/message.js";
import { epochText } from "../../vocabulary/epoch.js";
import { sameView } from "../../vocabulary/view.js";
import { checkSettings } from "../changes.js";
import type { Installation } from "../installation.js";
import type { Observer } from "../observer.js";
import type { RunningServer } from "../running.js";
import { attempt, isAlive, mark, violate } from "../world.js";
import type { Ledger, Question } from "./ledger.js";
import { checkPosition } from "./log-position.js";
import { checkNextView, checkTerm } from "./s1-one-chain.js";
import { checkSent } from "./s2-sealing.js";
import { noteChoice, noteOrder, noteSealAnswer } from "./s3-intersection.js";
import { checkActive } from "./s4-activation.js";
import { checkDiscarded, checkPersisted, checkPromised, checkRecovered, checkStarted, noteInstalled, notePersist } from "./s5-amnesia.js";
import { checkDecisions, checkRefusal, checkRequestAnswered, noteRefused } from "./s6-once.js";
import { checkOpened, checkResumed } from "./s6-sessions.js";
import { checkReadAnswered, noteConfirm, noteConfirmed } from "./s7-rounds.js";
import { checkCommitted, checkReply } from "./s8-commitment.js";
import { checkState, forgetLook } from "./s9-determinism.js";

/** Everything is looked over once in so many turns; most rules are checked at each. */
const THOROUGH_EVERY = 64;
const STATE_EVERY = 8;

/** The checkers as an observer of servers. */
export function createWatch(ledger: Ledger): Observer {
  let turns = 0;

  function checkEffects(server: RunningServer, effects: readonly ReplicaEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "load-state" || effect.kind === "unload-state" || effect.kind === "install-snapshot") forgetLook(ledger, server);
      if (effect.kind !== "send") continue;
      const { connection, message } = effect;
      checkSent(ledger, server, message);
      if (message.kind === "confirm") noteConfirm(ledger, server, message);
      else if (message.kind === "confirmed") noteConfirmed(ledger, server, message);
      else if (message.kind === "session-opened") checkOpened(ledger, server, message);
      else if (message.kind === "session-resumed") checkResumed(ledger, server, message);
      else if (message.kind === "redirect") takeQuestion(ledger, server, connection, message.ticket);
      else if (message.kind === "request-failed") {
        const question = takeQuestion(ledger, server, connection, message.ticket);
        if (question !== undefined) checkRefusal(ledger, server, question, message);
      } else if (message.kind === "reply") checkAnswer(server, connection, message);
    }
  }

  function checkAnswer(server: RunningServer, connection: number, reply: Extract<Message, { kind: "reply" }>): void {
    checkReply(ledger, server, reply);
    const question = takeQuestion(ledger, server, connection, reply.ticket);
    if (question === undefined) return;
    checkReadAnswered(ledger, server, question);
    checkRequestAnswered(ledger, server, question, reply);
  }

  return {
    onStart: (server) => checkStarted(ledger, server),
    onEnd(server) {
      if (ledger.running.get(server.incarnation) === server) ledger.running.delete(server.incarnation);
      // What was in memory died with the process.
      if (!ledger.onDisk) ledger.lost.add(server.incarnation);
    },
    onTurn(server, effects) {
      turns += 1;
      checkActive(ledger, server);
      checkCommitted(ledger, server);
      checkPosition(ledger, server);
      checkDecisions(ledger, server);
      checkEffects(server, effects);
      if (turns % THOROUGH_EVERY === 0) checkAll(server.replica);
    },
    onPerformed(server) {
      if (server.replica.appliedIndex % STATE_EVERY === 0) checkState(ledger, server);
    },
    onHeard(server, connection, message) {
      if (message.kind === "request" || message.kind === "query") noteQuestion(ledger, server, connection, message);
    },
    onPersist: (server, ticket, truncateAfter, entries) => {
      if (truncateAfter !== null) mark(ledger.world, "log-truncated");
      notePersist(ledger, server, ticket, truncateAfter, entries);
    },
    onPersisted: (server, ticket) => checkPersisted(ledger, server, ticket),
    onInstalled: (server, index) => noteInstalled(ledger, server, index),
    onRecovered: (place, recovered, disk) => checkRecovered(ledger, place, recovered, disk),
    onPromised: (server, promise) => checkPromised(ledger, server, promise),
    onRefused: (client, identity) => noteRefused(ledger, client, identity),
    onSealAnswered: (answer) => noteSealAnswer(ledger, answer),
    onChosen: (by, epoch) => noteChoice(ledger, by, epoch),
    onOrder: (by, order) => noteOrder(ledger, by, order),
    onGone(bootId) {
      const server = [...ledger.running.values()].find(({ replica }) => replica.config.bootId === bootId);
      if (server !== undefined && isAlive(server.process))
        violate(ledger.world, "section 8", `${server.process.name} is said to be gone, and pid ${server.process.pid} is there`);
    },
    onClose: (server, reason) => violate(ledger.world, "protocol", `${server.process.name} closes a connection: ${reason}`),
    onUncausedDamage: (place, what) => violate(ledger.world, "S5d", `${place} finds damage that nobody has done: ${what}`),
    onDiscarded: (replica, incarnation) => checkDiscarded(ledger, replica, incarnation),
    onSetAside(incarnation) {
      if (incarnation !== null) ledger.lost.add(incarnation);
    },
  };
}

function noteQuestion(ledger: Ledger, server: RunningServer, connection: number, message: Question["message"]): void {
  const questions = ledger.questions.get(server) ?? new Map<string, Question>();
  ledger.questions.set(server, questions);
  const name = `${connection} ${message.ticket}`;
  // Of copies of one message the first counts.
  if (!questions.has(name)) questions.set(name, { message, atMs: ledger.world.nowMs });
}

function takeQuestion(ledger: Ledger, server: RunningServer, connection: number, ticket: number): Question | undefined {
  const questions = ledger.questions.get(server);
  const question = questions?.get(`${connection} ${ticket}`);
  if (question !== undefined) questions?.delete(`${connection} ${ticket}`);
  return question;
}

/** Looks at every view that is written. */
export function watchStore(ledger: Ledger, installation: Installation): void {
  installation.store.onWritten = (content, before) => {
    checkTerm(ledger, content, before);
    checkSettings(ledger.world, content);
    const view = content.groups[0]?.activeView ?? null;
    const last = before?.groups[0]?.activeView ?? null;
    if (view === null || sameView(view, last)) return;
    mark(ledger.world, "view-written");
    if (installation.store.right !== null) violate(ledger.world, "S1e", `view ${epochText(view.epoch)} is written to a store that is old`);
    checkNextView(ledger, view);
    checkServers(ledger);
  };
}

function checkServers(ledger: Ledger): void {
  for (const server of ledger.running.values()) checkAll(server.replica);
}

/** When all has happened. */
export function checkEnd(ledger: Ledger): void {
  attempt(ledger.world, () => checkServers(ledger));
}
