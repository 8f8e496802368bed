import { describe, expect, it } from "vitest";
import { decodeValue, encodeValue } from "../src/codec/value.js";
import type { ExecutionCompletion } from "../src/vocabulary/execution.js";
import type { AnyService } from "../src/service/define-service.js";
import { createExecutor } from "../src/service/executor.js";
import { serviceMachine } from "../src/service/service-machine.js";
import bank from "./bank/bank.js";
import counter from "./counter/counter.js";
import kv from "./kv/kv.js";

/** One replica of a service: answers with the result, or throws the code of the refusal. */
function run(service: AnyService) {
  let last: ExecutionCompletion | null = null;
  let ticket = 0;
  const executor = createExecutor(serviceMachine(service), {
    onCompletion: (completion) => {
      last = completion;
    },
  });
  const answer = (): unknown => {
    const completion: ExecutionCompletion | null = last;
    if (completion === null || !("reply" in completion)) throw new Error("no reply");
    const { refused, bytes } = (completion as { reply: { refused: boolean; bytes: Uint8Array } }).reply;
    const value = decodeValue(bytes);
    if (refused) throw new Error((value as { code: string }).code);
    return value;
  };
  return {
    executor,
    operate(operation: string, input?: unknown): unknown {
      ticket += 1;
      const requestKey = `s:1.1.a:${ticket}`;
      executor.submit({
        kind: "execute",
        ticket,
        requestKey,
        operation,
        input: encodeValue(input),
        nowMs: 0,
        seed: 0,
        settled: true,
        limitMs: 0,
      });
      return answer();
    },
    ask(query: string, input?: unknown): unknown {
      ticket += 1;
      executor.submit({ kind: "query", ticket, query, input: encodeValue(input), nowMs: 0 });
      return answer();
    },
  };
}

describe("examples", () => {
  it("counter adds", () => {
    const { operate, ask } = run(counter);
    expect([operate("add", 2), operate("add", 3), ask("get")]).toEqual([2, 5, 5]);
  });

  it("kv writes, appends, compares, removes, under any key", () => {
    const { operate, ask } = run(kv);
    for (const key of ["colour", "__proto__", "constructor", ""]) {
      expect(ask("get", key)).toBe(null);
      expect(operate("compareAndSet", { key, expected: "x", value: "y" })).toBe(false);
      expect(operate("compareAndSet", { key, expected: null, value: "blue" })).toBe(true);
      expect(operate("append", { key, value: "ish" })).toBe("blueish");
      expect(operate("put", { key, value: "red" })).toBe(undefined);
      expect(operate("compareAndSet", { key, expected: "red", value: "green" })).toBe(true);
      expect(ask("get", key)).toBe("green");
      expect(operate("remove", key)).toBe(undefined);
      expect(operate("append", { key, value: "new" })).toBe("new");
    }
  });

  it("bank refuses what would lose or make money", () => {
    const { operate, ask, executor } = run(bank);
    expect(operate("open", { account: "a", balance: 100 })).toBe(100);
    expect(operate("open", { account: "b", balance: 0 })).toBe(0);
    expect(() => operate("open", { account: "a", balance: 5 })).toThrow("account-exists");
    expect(operate("transfer", { from: "a", to: "b", amount: 30 })).toEqual({ from: 70, to: 30 });
    expect(operate("transfer", { from: "a", to: "a", amount: 30 })).toEqual({ from: 70, to: 70 });
    expect(() => operate("transfer", { from: "a", to: "b", amount: 71 })).toThrow("insufficient-funds");
    expect(() => operate("transfer", { from: "a", to: "c", amount: 1 })).toThrow("unknown-account");
    expect(() => operate("transfer", { from: "a", to: "b", amount: -1 })).toThrow("bad-amount");
    expect(() => operate("transfer", { from: "a", to: "b", amount: 0.5 })).toThrow("bad-amount");
    expect(() => operate("transfer", undefined)).toThrow("refused");
    expect(operate("deposit", { account: "b", amount: 5 })).toBe(35);
    expect([ask("balance", "a"), ask("balance", "b"), ask("total")]).toEqual([70, 35, 105]);
    expect(() => ask("balance", "c")).toThrow("unknown-account");
    expect(executor.brokenInvariants()).toEqual([]);
  });
});
