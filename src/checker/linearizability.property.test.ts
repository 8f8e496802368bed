import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isLinearizableByBruteForce,
  type Naive,
  naiveBank,
  naiveCounter,
  naiveList,
  naiveRegister,
  naiveSet,
} from "./brute-force.test-oracle.js";
import type { OperationRecord, RecordedOutcome } from "./history.js";
import { checkLinearizability } from "./linearizability.js";
import { modelNamed } from "./models/index.js";

type Request = { readonly operation: string; readonly input?: unknown };

/** How one operation of a run goes: when it is open, when (within or after that) it takes effect, and what its client learns of it. */
type Course = {
  readonly request: Request;
  readonly start: number;
  readonly length: number;
  readonly effect: number;
  readonly fate: number;
};

const value = fc.constantFrom("a", "b", "c");
const account = fc.constantFrom("x", "y", "z");
const amount = fc.integer({ min: 0, max: 4 });

const requests: Record<string, fc.Arbitrary<Request>> = {
  register: fc.oneof(
    fc.record({ operation: fc.constant("put"), input: fc.record({ key: fc.constant("k"), value }) }),
    fc.record({ operation: fc.constant("append"), input: fc.record({ key: fc.constant("k"), value }) }),
    fc.record({
      operation: fc.constant("compareAndSet"),
      input: fc.record({ key: fc.constant("k"), expected: fc.option(value), value }),
    }),
    fc.record({ operation: fc.constant("remove"), input: fc.record({ key: fc.constant("k") }) }),
    fc.record({ operation: fc.constant("get"), input: fc.constant("k") }),
    fc.record({ operation: fc.constant("get"), input: fc.constant("k") }),
  ),
  counter: fc.oneof(
    fc.record({ operation: fc.constant("add"), input: fc.integer({ min: -1, max: 3 }) }),
    fc.record({ operation: fc.constant("get") }),
  ),
  "rising-counter": fc.oneof(
    fc.record({ operation: fc.constant("add"), input: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ operation: fc.constant("get") }),
  ),
  "append-list": fc.oneof(fc.record({ operation: fc.constant("append"), input: value }), fc.record({ operation: fc.constant("read") })),
  set: fc.oneof(
    fc.record({ operation: fc.constantFrom("add", "remove", "has"), input: value }),
    fc.record({ operation: fc.constantFrom("add", "remove", "has"), input: value }),
    fc.record({ operation: fc.constant("members") }),
  ),
  bank: fc.oneof(
    fc.record({ operation: fc.constant("open"), input: fc.record({ account, balance: amount }) }),
    fc.record({ operation: fc.constant("deposit"), input: fc.record({ account, amount: fc.integer({ min: 1, max: 4 }) }) }),
    fc.record({
      operation: fc.constant("transfer"),
      input: fc.record({ from: account, to: account, amount: fc.integer({ min: 1, max: 4 }) }),
    }),
    fc.record({
      operation: fc.constant("transfer"),
      input: fc.record({ from: account, to: account, amount: fc.integer({ min: 1, max: 4 }) }),
    }),
    fc.record({ operation: fc.constant("balance"), input: account }),
    fc.record({ operation: fc.constant("balance"), input: account }),
    fc.record({ operation: fc.constant("total") }),
  ),
};

function coursesOf(request: fc.Arbitrary<Request>): fc.Arbitrary<Course[]> {
  const course = fc.record({
    request,
    start: fc.integer({ min: 0, max: 12 }),
    length: fc.integer({ min: 0, max: 6 }),
    effect: fc.integer({ min: 0, max: 100 }),
    fate: fc.integer({ min: 0, max: 99 }),
  });
  return fc.array(course, { minLength: 1, maxLength: 7, size: "max" });
}

/** Runs the courses against the naive object in the order of their effects. `strayPercent` of the effects are outside of their operation. */
function historyOf(
  courses: readonly Course[],
  naive: Naive,
  initial: unknown,
  opening: readonly OperationRecord[],
  strayPercent: number,
): OperationRecord[] {
  let state = initial;
  for (const record of opening) {
    const after = naive(state, record);
    if (after !== "refused") state = after.state;
  }
  const timed = courses.map((course, index) => {
    const strays = course.effect % 100 < strayPercent;
    const at = course.start + (course.length * course.effect) / 100;
    return { course, index, at: strays ? at + ((course.effect * 7) % 13) - 6 : at };
  });
  const records: OperationRecord[] = [];
  for (const { course, index } of timed.sort((a, b) => a.at - b.at)) {
    const span = { client: `c${index}`, startedAt: course.start, endedAt: course.start + course.length };
    const unanswered = course.fate < 25 ? (course.fate < 5 ? "not-executed" : "unknown") : undefined;
    const takesEffect = unanswered === undefined || (unanswered === "unknown" && course.fate % 2 === 0) || course.fate === 1;
    const after = takesEffect ? naive(state, { ...course.request, ...span, outcome: "unknown" }) : "refused";
    if (after !== "refused") state = after.state;
    const outcome: RecordedOutcome = unanswered ?? (after === "refused" ? "refused" : "ok");
    // Some answers are kept back, so that what a model may not look at is not looked at by chance.
    const tells =
      ["get", "read", "has", "members", "balance", "total", "compareAndSet"].includes(course.request.operation) || course.fate % 2 > 0;
    const result = after === "refused" || outcome !== "ok" || !tells ? {} : { result: after.result };
    records.push({ ...course.request, ...span, endedAt: outcome === "unknown" ? null : span.endedAt, outcome, ...result });
  }
  return [...opening, ...records.sort((a, b) => a.startedAt - b.startedAt)];
}

function opened(name: string, balance: number, at: number): OperationRecord {
  const input = { account: name, balance };
  return { client: "c", operation: "open", input, startedAt: at, endedAt: at + 0.1, outcome: "ok", result: balance };
}

const cases: { name: string; model: string; naive: Naive; initial: unknown; opening?: readonly OperationRecord[] }[] = [
  { name: "register", model: "register", naive: naiveRegister, initial: null },
  { name: "counter", model: "counter", naive: naiveCounter, initial: 0 },
  { name: "rising-counter", model: "counter", naive: naiveCounter, initial: 0 },
  { name: "append-list", model: "append-list", naive: naiveList, initial: [] },
  { name: "set", model: "set", naive: naiveSet, initial: [] },
  { name: "bank", model: "bank", naive: naiveBank, initial: new Map(), opening: [opened("x", 3, -3), opened("y", 2, -2)] },
];

describe("agrees with brute force", () => {
  for (const { name, model, naive, initial, opening = [] } of cases) {
    test.each([0, 30, 70])(`${name}, %i percent of the effects astray`, (strayPercent) => {
      const found = { linearizable: 0, violation: 0, undecided: 0 };
      fc.assert(
        fc.property(coursesOf(requests[name] ?? fc.constant({ operation: "get" })), (courses) => {
          const records = historyOf(courses, naive, initial, opening, strayPercent);
          const expected = isLinearizableByBruteForce(records, naive, initial);
          const checked = modelNamed(model);
          if (checked === undefined) throw new Error(`no model ${model}`);
          const { verdict } = checkLinearizability(records, checked);
          found[verdict]++;
          expect(verdict).toBe(expected ? "linearizable" : "violation");
        }),
        { numRuns: 1_500 },
      );
      expect(found.linearizable, "generator is blind to good histories").toBeGreaterThan(20);
      if (strayPercent > 0) expect(found.violation, "generator is blind to bad histories").toBeGreaterThan(20);
    });
  }
});
