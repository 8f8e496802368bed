import { canonicalJson } from "./canonical-json.js";
import { explainImpasse } from "./explanation.js";
import type { OperationRecord } from "./history.js";
import type { Span } from "./machine.js";
import type { Model } from "./model.js";

export type LinearizabilityOptions = {
  /** Configurations entered in one part before the check gives up and says "undecided". */
  readonly exploredMax?: number;
};

export const exploredMaxDefault = 2_000_000;

/**
 * `linearizable`: there is an order that explains every answer. `violation`: there is none; each part that has none is explained.
 * `undecided`: the bound on the work was reached first, which counts as a failure.
 */
export type LinearizabilityResult = {
  readonly verdict: "linearizable" | "violation" | "undecided";
  readonly model: string;
  readonly operationCount: number;
  readonly partCount: number;
  readonly exploredCount: number;
  /** One for each part (key, ...) that is not linearizable or not decided, at most `explanationsMax`, violations first. */
  readonly explanations: readonly PartExplanation[];
};

export type PartExplanation = {
  readonly part: string;
  readonly verdict: "violation" | "undecided";
  /** The operation that has no place, as its number in the history from 1; absent where nothing can be said. */
  readonly blockedOperation?: number;
  readonly text: string;
};

export const explanationsMax = 5;

/** Error codes of refusals by the system and not by the service: they say nothing of its state. */
const refusedBySystem: readonly string[] = ["handler-timeout", "poison"];

/**
 * Checks a history against a sequential model. What was `not-executed` is left out, so that an effect of it makes a violation; what is
 * `unknown` may take effect at any time after its start or never.
 */
export function checkLinearizability(
  records: readonly OperationRecord[],
  model: Model,
  options: LinearizabilityOptions = {},
): LinearizabilityResult {
  const exploredMax = options.exploredMax ?? exploredMaxDefault;
  const numbers = [...records.keys()].filter((index) => isToBePlaced(records[index], model));
  const placeable = numbers.flatMap((index) => records[index] ?? []);
  const parts = model.partition(placeable);
  const explanations: PartExplanation[] = [];
  let exploredCount = 0;
  for (const [part, members] of parts) {
    const partRecords = members.flatMap((member) => placeable[member] ?? []);
    const outcome = model.search(partRecords, partRecords.map(spanOf), exploredMax);
    exploredCount += outcome.exploredCount;
    if (outcome.verdict === "linearizable") continue;
    const historyNumbers = members.map((member) => (numbers[member] ?? 0) + 1);
    const blocked = outcome.impasse === undefined ? undefined : historyNumbers[outcome.impasse.blocked];
    explanations.push({
      part,
      verdict: outcome.verdict,
      ...(blocked === undefined ? {} : { blockedOperation: blocked }),
      text: explainImpasse({
        part,
        model: model.name,
        outcome,
        records: partRecords,
        numbers: historyNumbers,
        history: records,
        exploredMax,
      }),
    });
  }
  explanations.sort((a, b) => Number(a.verdict === "undecided") - Number(b.verdict === "undecided"));
  return {
    verdict: explanations[0]?.verdict ?? "linearizable",
    model: model.name,
    operationCount: records.length,
    partCount: parts.size,
    exploredCount,
    explanations: explanations.slice(0, explanationsMax),
  };
}

function isToBePlaced(record: OperationRecord | undefined, model: Model): boolean {
  if (record === undefined || record.outcome === "not-executed") return false;
  if (record.outcome === "unknown") return !model.queries.has(record.operation);
  return record.outcome !== "refused" || record.code === undefined || !refusedBySystem.includes(record.code);
}

function spanOf(record: OperationRecord): Span {
  const isUnknown = record.outcome === "unknown";
  return {
    startedAt: record.startedAt,
    endedAt: isUnknown || record.endedAt === null ? Number.POSITIVE_INFINITY : record.endedAt,
    alike: isUnknown ? `${record.operation} ${canonicalJson(record.input)}` : "",
  };
}
