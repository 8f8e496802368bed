import type { OperationRecord, RecordedOutcome } from "./history.js";

/** What is known of an operation when it is sent. */
export type OperationStart = Pick<OperationRecord, "client" | "process" | "operation" | "input" | "startedAt">;

/** What is known of an operation when it is answered. */
export type OperationEnd = {
  readonly endedAt: number;
  readonly outcome: RecordedOutcome;
  readonly result?: unknown;
  readonly code?: string;
};

/** A history in the making. Plain data; the caller reads the clock. */
export type HistoryRecorder = { readonly records: OperationRecord[]; readonly open: Map<number, OperationStart>; nextTicket: number };

export function newHistoryRecorder(): HistoryRecorder {
  return { records: [], open: new Map(), nextTicket: 1 };
}

/** Notes that an operation is about to be sent; the ticket ends it. */
export function recordStart(recorder: HistoryRecorder, start: OperationStart): number {
  const ticket = recorder.nextTicket++;
  recorder.open.set(ticket, start);
  return ticket;
}

/** Notes the answer to an operation and returns its record; undefined where it was ended before (the first answer stands). */
export function recordEnd(recorder: HistoryRecorder, ticket: number, end: OperationEnd): OperationRecord | undefined {
  const start = recorder.open.get(ticket);
  if (start === undefined) return undefined;
  recorder.open.delete(ticket);
  // A spread of both would take longer than the rest of a simulated call's record.
  const record: OperationRecord = Object.assign({}, start, end);
  recorder.records.push(record);
  return record;
}

/** Ends a recording: what is still open was sent and never answered, so its outcome is unknown. Returns the whole history. */
export function closeRecorder(recorder: HistoryRecorder): readonly OperationRecord[] {
  for (const start of recorder.open.values()) recorder.records.push({ ...start, endedAt: null, outcome: "unknown" });
  recorder.open.clear();
  return recorder.records;
}
