/** Sealing (S2): the promise, and the answer that covers all this replica has accepted. CORFU and BookKeeper call it the same. */
import { compareEpochs, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import type { ControlMessage } from "../../vocabulary/message-control.js";
import { isSettled, lastEpoch, lastIndex } from "./log.js";
import { leaveBlank, raisePromise } from "./stance.js";
import { type Replica, send, type Turn } from "./state.js";

type Seal = Extract<ControlMessage, { readonly kind: "seal" }>;

/** Why the RM's idea of the chain cannot be right, or null (S1e). */
function checkBase(replica: Replica, seal: Seal): string | null {
  const { base } = seal;
  const known = replica.activeView;
  if (base === null) {
    return replica.blank ? null : "the control store knows no view, but this replica holds state: use `troupe recover`";
  }
  if (known === null) return null;
  if (base.generation < known.generation || compareEpochs(base.epoch, known.epoch) < 0) {
    return `the control store ends at view ${epochText(base.epoch)}, but ${epochText(known.epoch)} was active: use \`troupe recover\``;
  }
  return null;
}

function refuse(turn: Turn, connection: number, epoch: Seal["epoch"], reason: string): void {
  const { config, promise, activeView } = turn.replica;
  send(turn, connection, { kind: "seal-refused", group: config.group, epoch, promise, activeView, reason });
}

export function onSeal(turn: Turn, connection: number, seal: Seal): void {
  const { replica, effects } = turn;
  const reason = checkBase(replica, seal);
  if (reason !== null) return refuse(turn, connection, seal.epoch, reason);
  const order = compareEpochs(seal.epoch, replica.promise);
  if (order < 0) return refuse(turn, connection, seal.epoch, `epoch ${epochText(replica.promise)} was promised`);
  effects.push({ kind: "reached", point: "seal-received" });
  if (seal.base !== null) leaveBlank(turn);
  if (order > 0) raisePromise(turn, seal.epoch);
  // An equal epoch is answered (again) in the same way.
  if (!replica.seals.some((waiting) => waiting.connection === connection && sameEpoch(waiting.epoch, seal.epoch))) {
    replica.seals.push({ connection, epoch: seal.epoch });
  }
}

/** S2a, S2b: answers once the promise and everything accepted are durable, so that nothing acknowledged later is missing. */
export function answerSeals(turn: Turn): void {
  const { replica, effects } = turn;
  if (replica.seals.length === 0) return;
  const { config, log } = replica;
  const settled =
    compareEpochs(replica.durablePromise, replica.promise) === 0 &&
    isSettled(log) &&
    (replica.receiving?.installing == null || replica.receiving.adopting) &&
    replica.stance.kind !== "leading";
  const rest = replica.seals.filter((seal) => {
    if (compareEpochs(seal.epoch, replica.promise) < 0) {
      refuse(turn, seal.connection, seal.epoch, `epoch ${epochText(replica.promise)} was promised`);
      return false;
    }
    if (!settled) return replica.stance.kind !== "leading";
    if (replica.sealedEpoch === null || !sameEpoch(replica.sealedEpoch, seal.epoch))
      effects.push({ kind: "reached", point: "seal-persisted" });
    replica.sealedEpoch = seal.epoch;
    send(turn, seal.connection, {
      kind: "sealed",
      group: config.group,
      epoch: seal.epoch,
      replica: config.replica,
      incarnation: config.incarnation,
      bootId: config.bootId,
      lastEpoch: lastEpoch(log),
      lastIndex: lastIndex(log),
      commitIndex: replica.commitIndex,
      activeView: replica.activeView,
      blank: replica.blank,
    });
    effects.push({ kind: "reached", point: "sealed-answered" });
    return false;
  });
  replica.seals.length = 0;
  replica.seals.push(...rest);
}
