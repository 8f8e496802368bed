import { compareEpochs, type Epoch, epochText } from "../../vocabulary/epoch.js";
import type { BootId, Incarnation } from "../../vocabulary/ids.js";
import type { Message } from "../../vocabulary/message.js";
import { memberOf, sameView, sealQuorum, type View } from "../../vocabulary/view.js";
import { violate } from "../world.js";
import { type Attempt, type Ledger, wholeText } from "./ledger.js";

type Seal = Extract<Message, { kind: "seal" }>;
type Sealed = Extract<Message, { kind: "sealed" }>;

/** What Replication Managers do, one attempt an epoch. */
export function noteOrder(ledger: Ledger, by: BootId, order: Message): void {
  if (order.kind === "seal") noteSeal(ledger, by, order);
  else if (order.kind === "lead") checkLead(ledger, order.view);
}

/**
 * S1b. One that rules over a store that was put back may take the term of another: what that one began, and could not have had led, is as if it
 * had never been.
 */
function noteSeal({ world, attempts }: Ledger, by: BootId, { epoch, base }: Seal): void {
  const name = epochText(epoch);
  const known = attempts.get(name);
  if (known === undefined || (known.by !== by && !couldBeLed(known)))
    attempts.set(name, { by, base, answers: new Map(), counted: null, view: null });
  else if (known.by !== by) violate(world, "S1b", `${name} is sealed again, by another Replication Manager`);
  else if (!sameView(known.base, base)) violate(world, "S1b", `${name} is sealed for a second time, from another view`);
}

function couldBeLed({ base, answers, view }: Attempt): boolean {
  return view !== null || (base !== null && answers.size >= sealQuorum(base));
}

export function noteSealAnswer(ledger: Ledger, answer: Sealed): void {
  ledger.attempts.get(epochText(answer.epoch))?.answers.set(answer.incarnation, answer);
}

/** The leader is chosen, after these answers and no others: the order may wait for a connection, and more may come meanwhile. */
export function noteChoice(ledger: Ledger, by: BootId, epoch: Epoch): void {
  const attempt = ledger.attempts.get(epochText(epoch));
  if (attempt?.by === by) attempt.counted ??= new Map(attempt.answers);
}

/** S1b: an epoch is one attempt's. S3: the leader was chosen after enough answers, and none of them is ahead of it. */
function checkLead(ledger: Ledger, view: View): void {
  const { world } = ledger;
  const name = epochText(view.epoch);
  const attempt = ledger.attempts.get(name);
  if (attempt === undefined) return violate(world, "S3a", `${view.leader} is to lead ${name}, and nobody was sealed for it`);
  if (attempt.view !== null) {
    if (wholeText(attempt.view) !== wholeText(view))
      violate(world, "S1b", `${name} is to be led as ${wholeText(view)}, and was to be led as ${wholeText(attempt.view)}`);
    return;
  }
  attempt.view = view;
  if (attempt.base === null) return checkFirst(ledger, attempt, view);
  // Section 4, loss: going on from the best survivor is another matter.
  if (attempt.base.generation === view.generation) checkAnswers(ledger, attempt.base, attempt, view);
}

/** S1e: of the first view every member has said that it has never heard of a view. */
function checkFirst({ world }: Ledger, { answers }: Attempt, view: View): void {
  const name = epochText(view.epoch);
  for (const { replica, incarnation } of view.members) {
    const answer = answers.get(incarnation);
    if (answer === undefined) violate(world, "S1e", `${replica} is to be a member of the first view, ${name}, and has not answered`);
    else if (answer.activeView !== null)
      violate(world, "S1e", `${replica} is to be a member of a first view, ${name}, and knows ${epochText(answer.activeView.epoch)}`);
  }
}

function checkAnswers(ledger: Ledger, base: View, attempt: Attempt, view: View): void {
  const { world } = ledger;
  const name = epochText(view.epoch);
  const answers = attempt.counted ?? attempt.answers;
  const counted = base.members.map(({ incarnation }) => answers.get(incarnation)).filter((answer) => answer !== undefined);
  if (counted.length < sealQuorum(base))
    violate(world, "S3a", `${view.leader} is to lead ${name} after ${counted.length} answers; ${sealQuorum(base)} are needed`);
  const leads = counted.find(({ incarnation }) => incarnation === incarnationOf(view));
  if (leads === undefined)
    return violate(world, "S3b", `${view.leader} is to lead ${name}, and has not answered as a member of ${epochText(base.epoch)}`);
  const ahead = counted.find((answer) => compareEpochs(answer.lastEpoch, leads.lastEpoch) > 0 || isLonger(answer, leads));
  if (ahead !== undefined)
    violate(world, "S3d", `${view.leader} is to lead ${name} with ${positionOf(leads)}; ${ahead.replica} has ${positionOf(ahead)}`);
}

function isLonger(a: Sealed, b: Sealed): boolean {
  return compareEpochs(a.lastEpoch, b.lastEpoch) === 0 && a.lastIndex > b.lastIndex;
}

function incarnationOf(view: View): Incarnation | undefined {
  return memberOf(view, view.leader)?.incarnation;
}

function positionOf({ lastEpoch, lastIndex }: Sealed): string {
  return `${epochText(lastEpoch)}/${lastIndex}`;
}
