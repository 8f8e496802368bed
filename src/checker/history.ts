/**
 * A history: what clients asked and were told, and when. One JSON object a line, one line an operation, so that it can be written while
 * a run goes on, cut, joined and looked at with ordinary tools. docs/reference/history.md describes it for those who record one.
 */

/**
 * What the client knows of an operation: `ok` executed, with a result; `refused` by the service itself, a result like any other, without
 * effect; `not-executed` for certain, and never will be; `unknown` it may take effect at any time after its start, or never.
 */
export type RecordedOutcome = "ok" | "refused" | "not-executed" | "unknown";

const outcomes: readonly string[] = ["ok", "refused", "not-executed", "unknown"] satisfies RecordedOutcome[];

/** One operation or query as its client saw it. Times are of one monotonic clock of one machine, in any unit, the same throughout. */
export type OperationRecord = {
  /** Who asked. */
  readonly client: string;
  /** A thread of one client that has one operation open at a time, where the client has several. */
  readonly process?: string;
  readonly operation: string;
  /** Absent for an operation without input. */
  readonly input?: unknown;
  /** Taken before the request was sent. */
  readonly startedAt: number;
  /** Taken after the answer was received; null where none was, which only an `unknown` operation may have. */
  readonly endedAt: number | null;
  readonly outcome: RecordedOutcome;
  /** The answer of an `ok` operation; absent where it was undefined or is not to be checked. */
  readonly result?: unknown;
  /** The error code of an operation that failed, where there was one. */
  readonly code?: string;
};

/** A line that is no record: which, what is wrong, what to do. */
export type HistoryProblem = { readonly line: number; readonly message: string };

export type ParsedHistory = { readonly records: readonly OperationRecord[]; readonly problems: readonly HistoryProblem[] };

/** Problems listed before reading stops: a file of another kind should not fill the terminal. */
export const historyProblemsMax = 20;

/** One record as one line, line feed included. */
export function formatRecord(record: OperationRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** A whole history as text. */
export function formatHistory(records: Iterable<OperationRecord>): string {
  let text = "";
  for (const record of records) text += formatRecord(record);
  return text;
}

/** Reads a history from text; never throws. Stops at `historyProblemsMax` problems. */
export function parseHistory(text: string): ParsedHistory {
  return parseHistoryLines(text.split("\n"));
}

/** Reads a history line by line; never throws. Empty lines are passed over, but counted in line numbers. */
export function parseHistoryLines(lines: Iterable<string>): ParsedHistory {
  const records: OperationRecord[] = [];
  const problems: HistoryProblem[] = [];
  let line = 0;
  for (const text of lines) {
    line++;
    if (text.trim() === "") continue;
    const parsed = parseRecord(text);
    if (typeof parsed === "string") problems.push({ line, message: parsed });
    else records.push(parsed);
    if (problems.length >= historyProblemsMax) break;
  }
  return { records, problems };
}

/** One line to one record, or what is wrong with it and what to do. */
export function parseRecord(text: string): OperationRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const cut = text.trimStart().startsWith("{") && !text.trimEnd().endsWith("}");
    return cut
      ? "the line is cut off, as when a recorder is stopped in the middle of a write: complete it, with outcome unknown and endedAt null if its end is not known"
      : "not JSON: each line must be one JSON object such as {client, operation, input, startedAt, endedAt, outcome, result}";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "a JSON value, but not an object: write one object {client, operation, input, startedAt, endedAt, outcome, result} a line";
  }
  return recordOf(new Map(Object.entries(value)));
}

function recordOf(fields: ReadonlyMap<string, unknown>): OperationRecord | string {
  const client = fields.get("client");
  const operation = fields.get("operation");
  const startedAt = fields.get("startedAt");
  const endedAt = fields.get("endedAt");
  const outcome = fields.get("outcome");
  const process = fields.get("process");
  const code = fields.get("code");
  if (!isName(client)) return wrong("client", client, "a non-empty string: the name of the client that asked");
  if (!isName(operation)) return wrong("operation", operation, "a non-empty string: the name of the operation or query");
  if (!isTime(startedAt)) return wrong("startedAt", startedAt, "a number: the time before the request was sent");
  if (endedAt !== null && !isTime(endedAt)) return wrong("endedAt", endedAt, "a number, or null where no answer came");
  if (!isOutcome(outcome)) return wrong("outcome", outcome, "one of ok, refused, not-executed, unknown");
  if (process !== undefined && !isName(process)) return wrong("process", process, "a non-empty string, or absent");
  if (code !== undefined && typeof code !== "string") return wrong("code", code, "a string, or absent");
  if (endedAt === null && outcome !== "unknown") {
    return `endedAt is null, but the outcome is "${outcome}": an operation that was answered has an end; one that was not has outcome "unknown"`;
  }
  if (endedAt !== null && endedAt < startedAt) {
    return `endedAt (${endedAt}) is before startedAt (${startedAt}): take both from one monotonic clock (process.hrtime, performance.now), not from the wall clock`;
  }
  return {
    client,
    ...(process === undefined ? {} : { process }),
    operation,
    ...(fields.has("input") ? { input: fields.get("input") } : {}),
    startedAt,
    endedAt,
    outcome,
    ...(fields.has("result") ? { result: fields.get("result") } : {}),
    ...(code === undefined ? {} : { code }),
  };
}

function wrong(field: string, value: unknown, expected: string): string {
  return value === undefined
    ? `"${field}" is missing: it must be ${expected}`
    : `"${field}" is ${shortJson(value)}: it must be ${expected}`;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isOutcome(value: unknown): value is RecordedOutcome {
  return typeof value === "string" && outcomes.includes(value);
}

/** A value in at most 120 characters, for messages. */
export function shortJson(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length <= 120 ? text : `${text.slice(0, 100)}... (${text.length} characters)`;
}

/** One record in one line of words: `operation 7: client c1: add 5 -> 12 [10 .. 14]`. `number` counts from 1 in the order of the file. */
export function describeRecord(record: OperationRecord, number: number): string {
  const who = record.process === undefined ? record.client : `${record.client}/${record.process}`;
  const input = record.input === undefined ? "" : ` ${shortJson(record.input)}`;
  const answer =
    record.outcome === "ok" ? shortJson(record.result) : record.code === undefined ? record.outcome : `${record.outcome} (${record.code})`;
  return `operation ${number}: client ${who}: ${record.operation}${input} -> ${answer} [${record.startedAt} .. ${record.endedAt ?? "no answer"}]`;
}
