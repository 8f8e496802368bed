import { describe, expect, expectTypeOf, it } from "vitest";
import type bank from "../../examples/bank/bank.js";
import type counter from "../../examples/counter/counter.js";
import type kv from "../../examples/kv/kv.js";
import { checkService, defineService, stylesOf } from "./define-service.js";
import type { OperationsOf, QueriesOf } from "./index.js";

const nothing = { state: () => ({}), operations: {}, queries: {} };

describe("types for the client, from typeof service", () => {
  it("gives input and result of operations and queries", () => {
    expectTypeOf<OperationsOf<typeof counter>["add"]>().toEqualTypeOf<(input: number) => number>();
    expectTypeOf<QueriesOf<typeof counter>["get"]>().toEqualTypeOf<() => number>();
    expectTypeOf<OperationsOf<typeof kv>["compareAndSet"]>().toEqualTypeOf<
      (input: { key: string; expected: string | null; value: string }) => boolean
    >();
    expectTypeOf<QueriesOf<typeof kv>["get"]>().toEqualTypeOf<(input: string) => string | null>();
    expectTypeOf<OperationsOf<typeof bank>["transfer"]>().toEqualTypeOf<
      (input: { from: string; to: string; amount: number }) => { from: number; to: number }
    >();
    expectTypeOf<keyof OperationsOf<typeof bank>>().toEqualTypeOf<"open" | "deposit" | "transfer">();
    expectTypeOf<keyof QueriesOf<typeof bank>>().toEqualTypeOf<"balance" | "total">();
  });

  it("awaits asynchronous results, and knows optional and absent inputs", () => {
    const service = defineService({
      name: "typed",
      state: () => ({ n: 0 }),
      operations: {
        later: async (state, by: number, context) => {
          expectTypeOf(state).toEqualTypeOf<{ n: number }>();
          expectTypeOf(context.uuid()).toEqualTypeOf<string>();
          return `${state.n + by}`;
        },
        maybe: (state, by?: number) => state.n + (by ?? 1),
        none: () => null,
      },
      queries: { now: (_state, _input: undefined, context) => context.now },
    });
    type Operations = OperationsOf<typeof service>;
    expectTypeOf<Operations["later"]>().toEqualTypeOf<(input: number) => string>();
    expectTypeOf<Operations["maybe"]>().toEqualTypeOf<(input?: number | undefined) => number>();
    expectTypeOf<Operations["none"]>().toEqualTypeOf<() => null>();
    expect(stylesOf(service)).toEqual(["warm-passive", "cold-passive"]);
  });
});

describe("defineService", () => {
  it("takes a sound definition as it is", () => {
    const definition = { ...nothing, name: "empty" };
    expect(defineService(definition)).toBe(definition);
    expect(stylesOf(definition)).toEqual(["active", "warm-passive", "cold-passive"]);
  });

  it.each(["then", "catch", "finally", "close", "on", "constructor", "toJSON"])("refuses an operation or query called %s", (name) => {
    const handlers = { [name]: () => 1 };
    expect(() => defineService({ ...nothing, name: "bad", operations: handlers })).toThrow(`no operation may be called ${name}`);
    expect(() => defineService({ ...nothing, name: "bad", queries: handlers })).toThrow(`no query may be called ${name}`);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["__proto__ as a name", { operations: { __proto__: () => 1 } }, "no operation may be called __proto__"],
    ["an own __proto__", { operations: JSON.parse('{"__proto__": 1}') as Record<string, unknown> }, "no operation may be called __proto__"],
    ["a name with a dash", { queries: { "a-b": () => 1 } }, "has to be a letter"],
    ["a name twice", { operations: { get: () => 1 }, queries: { get: () => 1 } }, "get is an operation and a query"],
    ["a handler that is no function", { operations: { add: 5 } }, "operation add has to be a function"],
    ["an async query", { queries: { get: async () => 1 } }, "query get is async"],
    [
      "an async operation in style active",
      { operations: { add: async () => 1 }, styles: ["active"] },
      "operation add is async, which style active cannot run",
    ],
    ["an unknown style", { styles: ["fancy"] }, 'unknown style "fancy"'],
    ["no style", { styles: [] }, "at least one of"],
    ["a bad service name", { name: "Bad Name" }, 'name "Bad Name" has to be'],
    ["no state", { state: 5 }, "state has to be a function"],
    ["operations that are no object", { operations: [] }, "have to be objects of functions"],
    ["a schema of nothing", { inputs: { add: {} } }, "inputs names add, which is neither"],
    ["a schema that is none", { operations: { add: () => 1 }, inputs: { add: {} } }, "is no Standard Schema"],
    ["invariants that are none", { invariants: { a: 1 } }, "invariants has to be"],
    [
      "an async invariant, which would always hold",
      { invariants: { "sum is kept": async () => false } },
      'invariant "sum is kept" is async',
    ],
  ])("refuses %s", (_what, part, message) => {
    expect(checkService({ ...nothing, name: "bad", ...part })).toContain(message);
  });

  it("refuses what is no service at all", () => {
    expect(checkService(undefined)).toContain("has to export by default");
    expect(checkService(() => 1)).toContain("has to export by default");
  });
});
