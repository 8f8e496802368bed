import { closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { type HistoryProblem, type OperationRecord, parseHistoryLines, type RecordedOutcome } from "../checker/history.js";
import { checkLinearizability, type LinearizabilityResult } from "../checker/linearizability.js";
import type { Model } from "../checker/model.js";
import { detectModel, modelNamed, models } from "../checker/models/index.js";
import { reasonOf } from "../runtime/error-code.js";

export type CheckOptions = {
  /** Name of the model; otherwise told from the operations. */
  readonly model?: string;
  /** Configurations that may be entered for each part (key) before the check gives up. */
  readonly exploredMax?: number;
};

/** What `troupe check` prints and returns. `json` is for `--json`. */
export type CheckReport = { readonly exitCode: number; readonly text: string; readonly json: CheckJson };

export type CheckJson =
  | ({ readonly file: string; readonly outcomes: Readonly<Record<RecordedOutcome, number>> } & LinearizabilityResult)
  | { readonly file: string; readonly verdict: "unreadable"; readonly message: string; readonly problems: readonly HistoryProblem[] };

/** 0: linearizable; 1: a violation, or undecided, which counts as one; 2: nothing could be checked. */
export const checkExitCodes = { linearizable: 0, violation: 1, undecided: 1, unreadable: 2 } as const;

/** The help text of `troupe check`. */
export const checkHelp = `Checks a recorded history of operations for linearizability: whether some order of them, true to real time, explains every answer.

The file holds one JSON object a line: {"client", "operation", "input", "startedAt", "endedAt", "outcome", "result"}.
An operation with outcome "unknown" may take effect at any time after its start, or never; one with "not-executed" must not have.

Models (told from the operations unless --model says which):
${models.map(({ name, operations }) => `  ${name}: ${operations.join(", ")}`).join("\n")}

Exit codes: 0 linearizable, 1 a violation or undecided (the bound on the work was reached), 2 the file could not be checked.

Example:
  troupe check history.jsonl --model register

The format: docs/reference/history.md`;

/** Reads and checks a history file. Never throws for what is wrong with the file: the report says it. */
export function checkHistoryFile(path: string, options: CheckOptions = {}): CheckReport {
  const named = options.model === undefined ? undefined : modelNamed(options.model);
  if (options.model !== undefined && named === undefined) {
    return unreadable(path, `there is no model "${options.model}": choose one of ${models.map(({ name }) => name).join(", ")}`);
  }
  let parsed: ReturnType<typeof parseHistoryLines>;
  try {
    parsed = parseHistoryLines(linesOf(path));
  } catch (error) {
    return unreadable(path, `cannot be read (${reasonOf(error)}): give the path of a history file`);
  }
  const { records, problems } = parsed;
  if (problems.length > 0) return unreadable(path, "holds lines that are no operations; correct or remove them", problems);
  if (records.length === 0) return unreadable(path, "holds no operation, so that nothing can be said: record a run first");
  const model = named ?? detectModel(records);
  if (typeof model === "string") return unreadable(path, model);
  const misfit = firstMisfit(records, model);
  if (misfit !== undefined) return unreadable(path, `does not fit the model ${model.name}: ${misfit}`);
  return reportOf(path, records, checkLinearizability(records, model, options));
}

function firstMisfit(records: readonly OperationRecord[], model: Model): string | undefined {
  const index = records.findIndex((record) => model.misfit(record) !== undefined);
  const record = records[index];
  return record === undefined ? undefined : `operation ${index + 1}: ${model.misfit(record)}`;
}

function unreadable(file: string, message: string, problems: readonly HistoryProblem[] = []): CheckReport {
  const lines = problems.map((problem) => `  line ${problem.line}: ${problem.message}`);
  return {
    exitCode: checkExitCodes.unreadable,
    text: [`${file}: ${message}`, ...lines].join("\n"),
    json: { file, verdict: "unreadable", message, problems },
  };
}

function reportOf(file: string, records: readonly OperationRecord[], result: LinearizabilityResult): CheckReport {
  const outcomes = { ok: 0, refused: 0, "not-executed": 0, unknown: 0 };
  for (const record of records) outcomes[record.outcome]++;
  const parts = result.partCount === 1 ? "" : ` in ${result.partCount} parts`;
  const counts = `${records.length} operations${parts}: ${outcomes.ok} ok, ${outcomes.refused} refused, ${outcomes["not-executed"]} not executed, ${outcomes.unknown} unknown`;
  const words = { linearizable: "linearizable", violation: "NOT linearizable", undecided: "undecided, which counts as a failure" };
  const text = [
    `${file}: ${words[result.verdict]} (model ${result.model}; ${counts}; ${result.exploredCount} configurations explored)`,
    ...result.explanations.map((explanation) => `\n${explanation.text}`),
  ].join("\n");
  return { exitCode: checkExitCodes[result.verdict], text, json: { file, outcomes, ...result } };
}

/** The lines of a file, read piece by piece: a history may be larger than the longest string. */
function* linesOf(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    const decoder = new StringDecoder("utf8");
    const piece = Buffer.alloc(1 << 20);
    let rest = "";
    for (let sizeBytes = readSync(file, piece); sizeBytes > 0; sizeBytes = readSync(file, piece)) {
      const lines = (rest + decoder.write(piece.subarray(0, sizeBytes))).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    rest += decoder.end();
    if (rest !== "") yield rest;
  } finally {
    closeSync(file);
  }
}
