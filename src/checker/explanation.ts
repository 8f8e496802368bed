import { canonicalJson } from "./canonical-json.js";
import { describeRecord, type OperationRecord } from "./history.js";
import type { ModelOutcome } from "./model.js";

export type ImpasseContext = {
  readonly part: string;
  readonly model: string;
  readonly outcome: ModelOutcome;
  /** The records of the part, and by their side their numbers in the history, from 1. */
  readonly records: readonly OperationRecord[];
  readonly numbers: readonly number[];
  /** The whole history, with what was left out of the search. */
  readonly history: readonly OperationRecord[];
  readonly exploredMax: number;
};

const listedMax = 12;

/** Why a part is not linearizable, or not decided: how far an order goes, what follows it, and what has no place, in words. */
export function explainImpasse(context: ImpasseContext): string {
  const { outcome, records } = context;
  const name = context.part === "" ? `the ${context.model}` : `the ${context.model} of ${JSON.stringify(context.part)}`;
  const head =
    outcome.verdict === "violation"
      ? `${name} is not linearizable: no order of its ${records.length} operations explains all answers.`
      : `${name} is undecided: the bound of ${context.exploredMax} configurations was reached, without an order and without proof that there is none. This counts as a failure; raise the bound, or record a shorter history with less concurrency.`;
  const { impasse } = outcome;
  if (impasse === undefined) return head;
  const line = (operation: number): string => lineOf(context, operation);
  const blocked = records[impasse.blocked];
  const saying = impasse.answer === undefined ? "" : `\n  (in this state: ${impasse.answer})`;
  return [
    head,
    impasse.placedCount === 0
      ? `Not even the first operations can be ordered; at the start ${impasse.state}.`
      : `The longest order that could be found places ${impasse.placedCount} of them; it ends with`,
    ...impasse.lastPlaced.map(line),
    ...(impasse.placedCount === 0 ? [] : [`after which ${impasse.state}.`]),
    `${outcome.verdict === "violation" ? "No place is left for" : "Not yet placed is"}`,
    line(impasse.blocked) + saying,
    ...openLines(impasse.open, line),
    ...(blocked === undefined ? [] : hintsOf(context, blocked)),
  ].join("\n");
}

function lineOf({ records, numbers }: ImpasseContext, operation: number): string {
  const record = records[operation];
  return record === undefined ? "" : `  ${describeRecord(record, numbers[operation] ?? 0)}`;
}

function openLines(open: readonly number[], line: (operation: number) => string): string[] {
  if (open.length === 0) return ["with nothing else open that could have come before it."];
  const rest = open.length > listedMax ? [`  and ${open.length - listedMax} more`] : [];
  return ["whatever comes before it of what was open then:", ...open.slice(0, listedMax).map(line), ...rest];
}

/** Operations that were said not to have been executed, whose input shows in the answer that has no place. */
function hintsOf({ history }: ImpasseContext, blocked: OperationRecord): string[] {
  const answer = canonicalJson(blocked.result);
  const suspects: string[] = [];
  history.forEach((record, index) => {
    if (record.outcome !== "not-executed" || suspects.length >= listedMax) return;
    if (record.startedAt > (blocked.endedAt ?? Number.POSITIVE_INFINITY) || !showsIn(record, answer)) return;
    suspects.push(`  ${describeRecord(record, index + 1)}`);
  });
  return suspects.length === 0 ? [] : ["Its answer may show what clients were told had not been executed:", ...suspects];
}

function showsIn(record: OperationRecord, answer: string): boolean {
  const { input } = record;
  const values =
    typeof input === "object" && input !== null
      ? Object.entries(input).flatMap(([field, value]) => (field === "key" ? [] : [value]))
      : [input];
  return values.some((value) => {
    if (value === undefined || value === null) return false;
    const text = canonicalJson(value);
    // A string may be a part of a longer one, so its quotes are left away; a number in a longer number says nothing.
    return typeof value === "string" ? answer.includes(text.slice(1, -1)) : answer === text;
  });
}
