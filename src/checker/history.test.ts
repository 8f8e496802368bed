import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  describeRecord,
  formatHistory,
  formatRecord,
  historyProblemsMax,
  type OperationRecord,
  parseHistory,
  parseRecord,
} from "./history.js";
import { closeRecorder, newHistoryRecorder, recordEnd, recordStart } from "./recorder.js";

const record: OperationRecord = { client: "c", operation: "add", input: 5, startedAt: 1, endedAt: 2, outcome: "ok", result: 5 };

function withFields(fields: Record<string, unknown>): string {
  return JSON.stringify({ ...record, ...fields });
}

describe("a record", () => {
  test("survives being written and read", () => {
    const time = fc.nat();
    const arbitrary = fc
      .record(
        {
          client: fc.string({ minLength: 1 }),
          operation: fc.string({ minLength: 1 }),
          startedAt: time,
          lasted: fc.option(time),
          input: fc.jsonValue(),
        },
        { noNullPrototype: true },
      )
      .map(({ lasted, ...rest }): OperationRecord => {
        if (lasted === null) return { ...rest, endedAt: null, outcome: "unknown" };
        return { ...rest, endedAt: rest.startedAt + lasted, outcome: "ok", result: rest.input };
      });
    fc.assert(
      fc.property(fc.array(arbitrary), (records) => {
        const text = formatHistory(records);
        expect(parseHistory(text)).toEqual({ records: JSON.parse(JSON.stringify(records)), problems: [] });
      }),
    );
  });

  test.each([
    ["{bad", "cut off"],
    ["bad", "not JSON"],
    ["[1]", "not an object"],
    [withFields({ client: undefined }), '"client" is missing'],
    [withFields({ client: "" }), '"client" is ""'],
    [withFields({ operation: 7 }), '"operation" is 7'],
    [withFields({ startedAt: "1" }), '"startedAt" is "1"'],
    [withFields({ endedAt: undefined }), '"endedAt" is missing'],
    [withFields({ endedAt: 0 }), "endedAt (0) is before startedAt (1)"],
    [withFields({ endedAt: null }), 'has outcome "unknown"'],
    [withFields({ outcome: "lost" }), "one of ok, refused, not-executed, unknown"],
    [withFields({ process: 3 }), '"process" is 3'],
    [withFields({ code: 3 }), '"code" is 3'],
  ])("%s is refused with a reason", (text, reason) => {
    expect(parseRecord(text)).toContain(reason);
  });

  test("of unknown outcome may have no end, or one", () => {
    expect(parseRecord(withFields({ outcome: "unknown", endedAt: null }))).toMatchObject({ endedAt: null });
    expect(parseRecord(withFields({ outcome: "unknown" }))).toMatchObject({ endedAt: 2 });
  });

  test("is said in one line", () => {
    expect(describeRecord({ ...record, process: "p" }, 7)).toBe("operation 7: client c/p: add 5 -> 5 [1 .. 2]");
    expect(describeRecord({ client: "c", operation: "add", startedAt: 1, endedAt: null, outcome: "unknown", code: "timeout" }, 1)).toBe(
      "operation 1: client c: add -> unknown (timeout) [1 .. no answer]",
    );
  });
});

describe("a history", () => {
  test("names the lines that are bad, and keeps the others", () => {
    const { records, problems } = parseHistory(`${formatRecord(record)}\nbad\n${formatRecord(record)}`);
    expect(records).toHaveLength(2);
    expect(problems.map(({ line }) => line)).toEqual([3]);
  });
  test("of another kind does not fill the terminal", () => {
    expect(parseHistory("bad\n".repeat(1_000)).problems).toHaveLength(historyProblemsMax);
  });
});

describe("a recorder", () => {
  test("keeps the first answer, and ends what is open as unknown", () => {
    const recorder = newHistoryRecorder();
    const first = recordStart(recorder, { client: "a", operation: "get", startedAt: 1 });
    recordStart(recorder, { client: "b", operation: "add", input: 1, startedAt: 2 });
    expect(recordEnd(recorder, first, { endedAt: 3, outcome: "ok", result: 0 })).toMatchObject({ result: 0 });
    expect(recordEnd(recorder, first, { endedAt: 4, outcome: "ok", result: 9 })).toBeUndefined();
    expect(closeRecorder(recorder)).toEqual([
      { client: "a", operation: "get", startedAt: 1, endedAt: 3, outcome: "ok", result: 0 },
      { client: "b", operation: "add", input: 1, startedAt: 2, endedAt: null, outcome: "unknown" },
    ]);
  });
});
