import { describe, expect, test } from "vitest";
import type { OperationRecord } from "./history.js";
import { bankOpenings, bankService, counterService, kvService, largeRun, listService } from "./large-run.test-oracle.js";
import { checkLinearizability } from "./linearizability.js";
import { modelNamed } from "./models/index.js";

type Part = Partial<OperationRecord> & Pick<OperationRecord, "operation">;

/** Operations one after another, each from 10 n to 10 n + 5, unless they say otherwise. */
function history(...parts: Part[]): OperationRecord[] {
  return parts.map((part, i) => ({ client: `c${i}`, startedAt: 10 * i, endedAt: 10 * i + 5, outcome: "ok", ...part }));
}

function check(model: string, records: readonly OperationRecord[], exploredMax?: number) {
  const found = modelNamed(model);
  if (found === undefined) throw new Error(`no model ${model}`);
  expect(records.map((record) => found.misfit(record)).find((misfit) => misfit !== undefined)).toBeUndefined();
  return checkLinearizability(records, found, exploredMax === undefined ? {} : { exploredMax });
}

const put = (value: string, more: Partial<OperationRecord> = {}): Part => ({ operation: "put", input: { key: "k", value }, ...more });
const get = (result: string | null, more: Partial<OperationRecord> = {}): Part => ({ operation: "get", input: "k", result, ...more });
const add = (by: number, result: number, more: Partial<OperationRecord> = {}): Part => ({ operation: "add", input: by, result, ...more });
const unknown = { outcome: "unknown", endedAt: null } as const;

describe("S7: reads", () => {
  test("of the last value are good", () => {
    expect(check("register", history(get(null), put("a"), get("a"), put("b"), get("b"))).verdict).toBe("linearizable");
  });
  test("a stale read is found, and named", () => {
    const { verdict, explanations } = check("register", history(put("a"), put("b"), get("a")));
    expect(verdict).toBe("violation");
    expect(explanations[0]).toMatchObject({ part: "k", blockedOperation: 3 });
    expect(explanations[0]?.text).toContain('operation 3: client c2: get "k" -> "a" [20 .. 25]\n  (in this state: "b")');
  });
  test("a read during a write may show either value, but not go back", () => {
    const during = { startedAt: 10, endedAt: 100 };
    expect(check("register", history(put("a"), put("b", during), get("a"), get("b"))).verdict).toBe("linearizable");
    expect(check("register", history(put("a"), put("b", during), get("b"), get("a"))).verdict).toBe("violation");
  });
  test("of a value never written is a violation", () => {
    expect(check("register", history(put("a"), get("z"))).verdict).toBe("violation");
  });
  test("of one key say nothing of another", () => {
    const other = { operation: "put", input: { key: "other", value: "x" } };
    expect(check("register", history(put("a"), other, get("a")))).toMatchObject({ verdict: "linearizable", partCount: 2 });
  });
  test("a start at the moment of another's end counts as concurrent", () => {
    const touching = history(put("a"), put("b", { startedAt: 10, endedAt: 20 }), get("a", { startedAt: 20, endedAt: 25 }));
    expect(check("register", touching).verdict).toBe("linearizable");
  });
});

describe("S6: effects", () => {
  test("a lost update is found", () => {
    expect(check("counter", history(add(5, 5), add(5, 5))).verdict).toBe("violation");
  });
  test("fractions add up as they did in the service: 0.1 + 0.2 - 0.2 is not 0.1", () => {
    expect(check("counter", history(add(0.1, 0.1), add(0.2, 0.1 + 0.2))).verdict).toBe("linearizable");
    expect(check("counter", history(add(0.1, 0.1), add(0.2, 0.3))).verdict).toBe("violation");
  });
  test("a doubled append is found", () => {
    const append = { operation: "append", input: { key: "k", value: "x;" }, result: "x;" };
    expect(check("register", history(append, get("x;"))).verdict).toBe("linearizable");
    expect(check("register", history(append, get("x;x;"))).verdict).toBe("violation");
    const element = { operation: "append", input: "x", result: null };
    expect(check("append-list", history(element, { operation: "read", result: ["x", "x"] })).verdict).toBe("violation");
  });
  test("an unknown one may appear late, but not be taken back", () => {
    expect(check("register", history(put("a"), put("b", unknown), get("a"), get("b"))).verdict).toBe("linearizable");
    expect(check("register", history(put("a"), put("b", unknown), get("a"), get("a"))).verdict).toBe("linearizable");
    expect(check("register", history(put("a"), put("b", unknown), get("b"), get("a"))).verdict).toBe("violation");
  });
  test("an unknown one does not appear before it was sent", () => {
    expect(check("register", history(put("a"), get("b"), put("b", unknown))).verdict).toBe("violation");
  });
  test("an unknown one takes effect once", () => {
    expect(check("counter", history(add(5, 0, unknown), add(1, 6), add(1, 7))).verdict).toBe("linearizable");
    expect(check("counter", history(add(5, 0, unknown), add(1, 6), add(1, 12))).verdict).toBe("violation");
  });
  test("a not-executed one that appears is found, and named", () => {
    const { verdict, explanations } = check("register", history(put("a"), put("b", { outcome: "not-executed" }), get("b")));
    expect(verdict).toBe("violation");
    expect(explanations[0]?.text).toContain("told had not been executed:\n  operation 2:");
  });
  test("a refused one that appears is found", () => {
    expect(check("counter", history(add(5, 5), add(1, 0, { outcome: "refused" }), add(1, 7))).verdict).toBe("violation");
  });
});

describe("the bank", () => {
  const open = (account: string, balance: number): Part => ({ operation: "open", input: { account, balance } });
  const transfer = (from: string, to: string, amount: number, more: Partial<OperationRecord> = {}): Part => ({
    operation: "transfer",
    input: { from, to, amount },
    ...more,
  });
  const balance = (account: string, result: number): Part => ({ operation: "balance", input: account, result });

  test("keeps its sum, and refuses only who is short", () => {
    const good = history(
      open("x", 10),
      open("y", 0),
      transfer("x", "y", 7),
      transfer("x", "y", 7, { outcome: "refused" }),
      balance("y", 7),
    );
    expect(check("bank", [...good, ...history({ operation: "total", result: 10, startedAt: 90, endedAt: 95 })]).verdict).toBe(
      "linearizable",
    );
    expect(check("bank", history(open("x", 10), open("y", 0), transfer("x", "y", 7, { outcome: "refused" }))).verdict).toBe("violation");
    expect(check("bank", history(open("x", 10), open("y", 0), transfer("x", "y", 17))).verdict).toBe("violation");
  });
  test("a transfer done twice, or half, is found", () => {
    expect(check("bank", history(open("x", 10), open("y", 0), transfer("x", "y", 3), balance("y", 6))).verdict).toBe("violation");
    expect(check("bank", history(open("x", 10), open("y", 0), transfer("x", "y", 3), balance("y", 3), balance("x", 10))).verdict).toBe(
      "violation",
    );
    expect(check("bank", history(open("x", 10), { operation: "total", result: 11 })).verdict).toBe("violation");
    const told = (from: number, to: number) =>
      check("bank", history(open("x", 10), open("y", 0), transfer("x", "y", 3, { result: { from, to } })));
    expect([told(7, 3).verdict, told(7, 6).verdict, told(4, 3).verdict]).toEqual(["linearizable", "violation", "violation"]);
  });
  test("a refusal by the system says nothing of balances", () => {
    const refused = transfer("x", "y", 1, { outcome: "refused", code: "poison" });
    expect(check("bank", history(open("x", 10), open("y", 0), refused)).verdict).toBe("linearizable");
  });
});

describe("sets", () => {
  const change = (operation: string, input: string, result: boolean): Part => ({ operation, input, result });
  test("are checked value by value, or whole if someone looks at all", () => {
    const good = history(change("add", "a", true), change("add", "b", true), change("remove", "a", true), change("has", "a", false));
    expect(check("set", good)).toMatchObject({ verdict: "linearizable", partCount: 2 });
    const all = history(change("add", "a", true), change("add", "b", true), { operation: "members", result: ["b", "a"] });
    expect(check("set", all)).toMatchObject({ verdict: "linearizable", partCount: 1 });
    expect(check("set", history(change("add", "a", true), { operation: "members", result: ["a", "a"] })).verdict).toBe("violation");
    expect(check("set", history(change("add", "a", true), change("add", "a", true))).verdict).toBe("violation");
  });
});

describe("a bound on the work", () => {
  const pick = (random: () => number, count: number): number => Math.floor(random() * count);

  test("makes the verdict undecided", () => {
    const puts = Array.from({ length: 12 }, (_, i) => put(`v${i}`, { startedAt: 0, endedAt: 100 + i }));
    const read = get("z", { startedAt: 0, endedAt: 200 });
    expect(check("register", history(...puts, read), 100)).toMatchObject({
      verdict: "undecided",
      explanations: [{ verdict: "undecided" }],
    });
  });

  // Bounds of a small multiple of the number of operations: the search goes on without going back much.
  test.each([
    [
      "100,000 operations over 1,000 keys",
      "register",
      100_000,
      (random: () => number, sequence: number) => {
        const key = `k${pick(random, 1_000)}`;
        return random() < 0.5 ? { operation: "get", input: key } : { operation: "put", input: { key, value: `v${sequence}` } };
      },
      kvService(),
      [],
    ],
    [
      "50,000 operations on one counter",
      "counter",
      50_000,
      (random: () => number) => (random() < 0.5 ? { operation: "get" } : { operation: "add", input: 1 + pick(random, 9) }),
      counterService(),
      [],
    ],
    [
      "2,000 operations on one list",
      "append-list",
      2_000,
      (random: () => number, sequence: number) => (random() < 0.3 ? { operation: "read" } : { operation: "append", input: sequence }),
      listService(),
      [],
    ],
    [
      "30,000 operations on 500 accounts",
      "bank",
      30_000,
      (random: () => number) => {
        const account = () => `a${pick(random, 500)}`;
        if (random() < 0.3) return { operation: "balance", input: account() };
        return { operation: "transfer", input: { from: account(), to: account(), amount: 1 + pick(random, 20) } };
      },
      bankService(500, 100),
      bankOpenings(500, 100),
    ],
  ])("is far from reached by %s of 16 clients", (_, model, operationCount, request, service, openings) => {
    const run = { seed: 7, clientCount: 16, operationCount, request, service };
    const good = [...openings, ...largeRun({ ...run, unknownEvery: 200 })];
    expect(check(model, good, 3 * operationCount).verdict).toBe("linearizable");
  });

  test("is far from reached by a bad history of 100,000 operations over 1,000 keys", () => {
    const request = (random: () => number, sequence: number) => {
      const key = `k${pick(random, 1_000)}`;
      return random() < 0.5 ? { operation: "get", input: key } : { operation: "put", input: { key, value: `v${sequence}` } };
    };
    const records = largeRun({ seed: 7, clientCount: 16, operationCount: 100_000, unknownEvery: 200, request, service: kvService() });
    const reads = records.filter(({ operation, result }) => operation === "get" && result !== null);
    const victim = reads[reads.length >> 1];
    const spoiled = records.map((record) => (record === victim ? { ...record, result: reads[0]?.result } : record));
    const result = check("register", spoiled, 300_000);
    expect(result).toMatchObject({ verdict: "violation", explanations: [{ part: victim?.input }] });
    expect(result.explanations).toHaveLength(1);
  });
});
