import { describe, expect, test } from "vitest";
import { isSubsetSum } from "./effects.js";
import { checkAddedOnce, checkAppendedOnce, checkAppendedOnceToKey, checkPaidOnce, checkUniqueResults } from "./exactly-once.js";
import type { OperationRecord } from "./history.js";
import { bankOpenings, bankService, counterService, kvService, largeRun, listService } from "./large-run.test-oracle.js";

type Part = Partial<OperationRecord> & Pick<OperationRecord, "operation">;

/** Operations one after another, each from 10 n to 10 n + 5, unless they say otherwise. */
function history(...parts: Part[]): OperationRecord[] {
  return parts.map((part, i) => ({ client: `c${i}`, startedAt: 10 * i, endedAt: 10 * i + 5, outcome: "ok", ...part }));
}

const unknown = { outcome: "unknown", endedAt: null } as const;
const concurrent = { startedAt: 0, endedAt: 100 } as const;

describe("S6: adds", () => {
  const add = (by: number, result: number | undefined, more: Partial<OperationRecord> = {}): Part => ({
    operation: "add",
    input: by,
    ...(result === undefined ? {} : { result }),
    ...more,
  });
  const get = (result: number): Part => ({ operation: "get", result });

  test.each<[string, OperationRecord[], number | undefined]>([
    ["acknowledged ones make the final value", history(add(5, 5), add(1, 6), get(6)), undefined],
    ["an unknown one may count", history(add(5, 5), add(3, undefined, unknown), add(1, 9), get(9)), undefined],
    ["or not", history(add(5, 5), add(3, undefined, unknown), add(1, 6)), 6],
    ["or later", history(add(5, 5), add(3, undefined, unknown), add(1, 6)), 9],
    ["concurrent ones in any order", history(add(1, 3, concurrent), add(2, 2, concurrent)), 3],
    ["a counter that also falls is checked for its sum", history(add(5, 5), add(-2, 3), get(3)), undefined],
  ])("%s", (_, records, final) => {
    expect(checkAddedOnce(records, final)).toMatchObject({ verdict: "passed", problems: [] });
  });

  test.each<[string, OperationRecord[], number | undefined, string]>([
    ["lost", history(add(5, 5), add(1, 6)), 5, "acknowledged adds were lost"],
    ["doubled", history(add(5, 5), add(1, 6)), 7, "twice"],
    ["a lost update", history(add(5, 5, concurrent), add(5, 5, concurrent)), 10, "two adds counted from the same value"],
    ["an unknown one twice", history(add(5, 5), add(3, undefined, unknown)), 11, "no sum of adds of unknown outcome"],
    [
      "a not-executed one",
      history(add(5, 5), add(3, undefined, { outcome: "not-executed" }), add(1, 9)),
      9,
      "before this add 3 were counted",
    ],
    ["against real time", history(add(1, 3), add(2, 2)), 3, "wrong order"],
    ["a stale get", history(add(5, 5), get(0), add(1, 6)), 6, "stale"],
    ["a get of what was taken back", history(add(5, 5), get(9), add(1, 6)), 6, "from the future"],
    ["no final value", history(get(0), add(5, 5)), undefined, "the final value is not known"],
  ])("%s is found", (_, records, final, words) => {
    const result = checkAddedOnce(records, final);
    expect(result.verdict).toBe("violation");
    expect(result.problems.join("\n")).toContain(words);
  });

  test("too many different unknown ones leave it undecided", () => {
    const unknowns = Array.from({ length: 40 }, (_, i) => add(2 ** i, undefined, unknown));
    expect(checkAddedOnce(history(...unknowns), 2 ** 50, 1_000)).toMatchObject({ verdict: "undecided", unknownCount: 40 });
    const few = unknowns.slice(0, 9);
    expect(checkAddedOnce(history(...few), 2 ** 50, 1_000)).toMatchObject({ verdict: "violation", unknownCount: 9 });
  });
});

describe("S6: appends of unique values", () => {
  const append = (input: string, more: Partial<OperationRecord> = {}): Part => ({ operation: "append", input, result: null, ...more });
  const read = (...result: string[]): Part => ({ operation: "read", result });

  test.each<[string, OperationRecord[]]>([
    ["acknowledged ones are there", history(append("a"), append("b"), read("a", "b"))],
    ["an unknown one may be there", history(append("a"), append("b", unknown), append("c"), read("a", "c", "b"))],
    ["or not", history(append("a"), append("b", unknown), append("c"), read("a", "c"))],
    [
      "concurrent ones in any order",
      history(append("a", concurrent), append("b", concurrent), { ...read("b", "a"), startedAt: 200, endedAt: 201 }),
    ],
    [
      "a read may run beside an append",
      history(append("a"), append("b", concurrent), read("a"), { ...read("a", "b"), startedAt: 200, endedAt: 201 }),
    ],
    [
      "last reads beside one another, and an unknown one between them",
      history(
        append("a"),
        append("b", unknown),
        { ...read("a", "b"), startedAt: 200, endedAt: 210 },
        { ...read("a"), startedAt: 201, endedAt: 209 },
      ),
    ],
    [
      "in a file that is not in order of time",
      history(append("a"), append("b", unknown), { ...read("a", "b"), startedAt: 200, endedAt: 201 }, read("a")),
    ],
  ])("%s", (_, records) => {
    expect(checkAppendedOnce(records)).toMatchObject({ verdict: "passed", problems: [] });
  });

  test.each<[string, OperationRecord[], string]>([
    ["lost", history(append("a"), append("b"), read("b")), "acknowledged and lost"],
    ["doubled", history(append("a"), read("a", "a")), "there twice"],
    ["an unknown one twice", history(append("a", unknown), read("a", "a")), "there twice"],
    ["a not-executed one", history(append("a", { outcome: "not-executed" }), read("a")), 'told "not-executed"'],
    ["a refused one", history(append("a", { outcome: "refused" }), read("a")), 'told "refused"'],
    ["never appended", history(append("a"), read("a", "z")), "nobody appended"],
    ["against real time", history(append("a"), append("b"), read("b", "a")), "wrong order"],
    ["a stale read", history(append("a"), read(), read("a")), "stale"],
    [
      "a read of what was taken back",
      history(append("a"), read("a", "b"), append("b", concurrent), { ...read("a"), startedAt: 200 }),
      "lost",
    ],
    [
      "a read of less than was read before",
      history(append("a", unknown), read("a"), read(), read("a")),
      "a read that was answered before it began has shown more",
    ],
    [
      "an unknown one that was read and is gone",
      history(append("a", unknown), { ...read("a"), startedAt: 200, endedAt: 201 }, { ...read(), startedAt: 202, endedAt: 203 }),
      "no beginning",
    ],
    ["a read from the future", history(append("a"), read("a", "b"), append("b"), read("a", "b")), "sent after it had ended"],
    ["a read of another order", history(append("a"), append("b"), read("b"), read("a", "b")), "no beginning"],
    ["no final read", history(append("a")), "not known"],
    ["values used twice", history(append("a"), append("a"), read("a")), "by two operations"],
  ])("%s is found", (_, records, words) => {
    const result = checkAppendedOnce(records);
    expect(result.verdict).toBe("violation");
    expect(result.problems.join("\n")).toContain(words);
  });

  const appendTo = (value: string, result: string, more: Partial<OperationRecord> = {}): Part => ({
    operation: "append",
    input: { key: "k", value },
    result,
    ...more,
  });
  const getKey = (result: string | null): Part => ({ operation: "get", input: "k", result });

  test("to a key of a kv service", () => {
    expect(
      checkAppendedOnceToKey(history(getKey(null), appendTo("1;", "1;"), appendTo("12;", "1;12;"), getKey("1;12;")), "k"),
    ).toMatchObject({ verdict: "passed", acknowledgedCount: 2 });
    const bad: [OperationRecord[], string][] = [
      [history(appendTo("1;", "1;"), getKey("1;1;")), "there twice"],
      [history(appendTo("1;", "1;"), getKey("1;x;")), "what nobody appended"],
      [history(appendTo("1;", "1;"), appendTo("2;", "2;"), getKey("1;2;")), "no beginning"],
      [history(appendTo("1;", "1;"), appendTo("2;", "1;"), getKey("1;2;")), "does not end with what it appended"],
      [history(appendTo("1;", "1;"), getKey(null), getKey("1;")), "stale"],
    ];
    for (const [records, words] of bad) expect(checkAppendedOnceToKey(records, "k").problems.join("\n")).toContain(words);
  });
});

describe("S6: payments", () => {
  const open = (account: string, balance: number): Part => ({ operation: "open", input: { account, balance } });
  const transfer = (from: string, to: string, amount: number, more: Partial<OperationRecord> = {}): Part => ({
    operation: "transfer",
    input: { from, to, amount },
    ...more,
  });
  const total = (result: number, more: Partial<OperationRecord> = {}): Part => ({ operation: "total", result, ...more });
  const balance = (input: string, result: number): Part => ({ operation: "balance", input, result });

  test.each<[string, OperationRecord[]]>([
    ["keep the sum", history(open("x", 9), total(9), open("y", 1), transfer("x", "y", 4), total(10), balance("x", 5), balance("y", 5))],
    ["an unknown one may count", history(open("x", 9), open("y", 1), transfer("x", "y", 4, unknown), balance("x", 5), balance("y", 5))],
    ["or not", history(open("x", 9), open("y", 1), transfer("x", "y", 4, unknown), balance("x", 9), balance("y", 1))],
    ["a total beside an opening", history(open("x", 9), { ...open("y", 1), ...concurrent }, total(9), total(10))],
  ])("%s", (_, records) => {
    expect(checkPaidOnce(records)).toMatchObject({ verdict: "passed", problems: [] });
  });

  test.each<[string, OperationRecord[], string]>([
    ["a sum not kept", history(open("x", 9), total(8)), "sum of balances is not kept: it should be 9"],
    ["lost", history(open("x", 9), open("y", 1), transfer("x", "y", 4), balance("x", 9)), "final balance of x is 9"],
    ["doubled", history(open("x", 9), open("y", 1), transfer("x", "y", 4), balance("y", 9)), "final balance of y is 9"],
    [
      "a refused one",
      history(open("x", 9), open("y", 1), transfer("x", "y", 4, { outcome: "refused" }), balance("y", 5)),
      "final balance of y is 5",
    ],
    ["a negative balance", history(open("x", 9), balance("x", -1)), "negative"],
  ])("%s is found", (_, records, words) => {
    const result = checkPaidOnce(records);
    expect(result.verdict).toBe("violation");
    expect(result.problems.join("\n")).toContain(words);
  });
});

test("S6: a result that must be unique is found given twice", () => {
  const next = (result: number): Part => ({ operation: "next", result });
  expect(checkUniqueResults(history(next(1), next(2)), "next").verdict).toBe("passed");
  expect(checkUniqueResults(history(next(1), next(1)), "next").problems[0]).toContain("1 was given twice");
});

describe("long runs of a correct service pass", () => {
  const pick = (random: () => number, count: number): number => Math.floor(random() * count);
  const after = { startedAt: 1e9, endedAt: 1e9 + 1, client: "c", outcome: "ok" } as const;
  const run = { seed: 3, clientCount: 16, operationCount: 10_000, unknownEvery: 100 };

  test("counter", () => {
    const service = counterService();
    const request = (random: () => number) => (random() < 0.5 ? { operation: "get" } : { operation: "add", input: 1 + pick(random, 3) });
    const records = largeRun({ ...run, request, service });
    const result = service("get", undefined);
    expect(typeof result).toBe("object");
    expect(checkAddedOnce([...records, { ...after, operation: "get", ...Object(result) }])).toMatchObject({
      verdict: "passed",
      problems: [],
    });
  });

  test("list and key", () => {
    const list = listService();
    const appends = (random: () => number, sequence: number) =>
      random() < 0.05 ? { operation: "read" } : { operation: "append", input: sequence };
    const listRecords = largeRun({ ...run, request: appends, service: list });
    expect(checkAppendedOnce([...listRecords, { ...after, operation: "read", ...Object(list("read", undefined)) }])).toMatchObject({
      verdict: "passed",
      problems: [],
    });
    const kv = kvService();
    const toKey = (random: () => number, sequence: number) =>
      random() < 0.05 ? { operation: "get", input: "k" } : { operation: "append", input: { key: "k", value: `${sequence};` } };
    const records = largeRun({ ...run, operationCount: 2_000, request: toKey, service: kv });
    const final = { ...after, operation: "get", input: "k", ...Object(kv("get", "k")) };
    expect(checkAppendedOnceToKey([...records, final], "k")).toMatchObject({ verdict: "passed", problems: [] });
  });

  test("bank", () => {
    const service = bankService(20, 100);
    const request = (random: () => number) => {
      const account = () => `a${pick(random, 20)}`;
      if (random() < 0.1) return random() < 0.5 ? { operation: "total" } : { operation: "balance", input: account() };
      return { operation: "transfer", input: { from: account(), to: account(), amount: 1 + pick(random, 20) } };
    };
    const records = [...bankOpenings(20, 100), ...largeRun({ ...run, request, service })];
    const finals = Array.from({ length: 20 }, (_, i) => ({
      ...after,
      operation: "balance",
      input: `a${i}`,
      ...Object(service("balance", `a${i}`)),
    }));
    expect(checkPaidOnce([...records, ...finals])).toMatchObject({ verdict: "passed", problems: [] });
  });
});

test("a subset sum is found, or said not to be there", () => {
  expect(isSubsetSum([3, 5, 9], 12)).toBe(true);
  expect(isSubsetSum([3, 5, 9], 13)).toBe(false);
  expect(isSubsetSum([3, -5], -2)).toBe(true);
  expect(isSubsetSum([], 0)).toBe(true);
  expect(isSubsetSum([1], -1)).toBe(false);
});
