import { describe, expect, it } from "vitest";
import bank from "../../examples/bank/bank.js";
import { bankWorkload } from "../../examples/bank/workload.js";
import counter from "../../examples/counter/counter.js";
import { decodeValue, encodeValue } from "../codec/value.js";
import type { ExecutionCommand, ExecutionCompletion } from "../vocabulary/execution.js";
import { type AnyService, defineService } from "./define-service.js";
import { createExecutor, type Executor } from "./executor.js";
import { FatalExecution } from "./fatal.js";
import { refuse } from "./refuse.js";
import { serviceMachine } from "./service-machine.js";

interface Rig {
  readonly executor: Executor;
  readonly completions: ExecutionCompletion[];
  readonly notes: string[];
  execute(operation: string, input: unknown, options?: Partial<Extract<ExecutionCommand, { kind: "execute" }>>): number;
  query(query: string, input?: unknown): void;
  /** Result or error of the completion with this ticket. */
  answer(ticket: number): unknown;
  redo(ticket: number): Uint8Array;
}

function rig(service: AnyService): Rig {
  const completions: ExecutionCompletion[] = [];
  const notes: string[] = [];
  let ticket = 0;
  const executor = createExecutor(serviceMachine(service), {
    onCompletion: (completion) => void completions.push(completion),
    onNote: (text) => void notes.push(text),
  });
  const find = (wanted: number): ExecutionCompletion => {
    const found = completions.find((completion) => completion.ticket === wanted);
    if (found === undefined) throw new Error(`ticket ${wanted} is not complete`);
    return found;
  };
  return {
    executor,
    completions,
    notes,
    execute(operation, input, options) {
      ticket += 1;
      executor.submit({
        kind: "execute",
        ticket,
        requestKey: `s:1.1.a:${ticket}`,
        operation,
        input: encodeValue(input),
        nowMs: 1_000,
        seed: 7,
        settled: false,
        limitMs: 0,
        ...options,
      });
      return ticket;
    },
    query(query, input) {
      ticket += 1;
      executor.submit({ kind: "query", ticket, query, input: encodeValue(input), nowMs: 1_000 });
    },
    answer(wanted) {
      const completion = find(wanted);
      if (completion.kind === "update-applied") throw new Error("no answer");
      return decodeValue(completion.reply.bytes);
    },
    redo(wanted) {
      const completion = find(wanted);
      return completion.kind === "executed" ? completion.redo : new Uint8Array(0);
    },
  };
}

/** A service whose asynchronous operations wait until they are let go. */
function gated() {
  const gates: { open(): void; fail(error: Error): void }[] = [];
  let late: { list: number[] } | null = null;
  const service = defineService({
    name: "gated",
    state: () => ({ list: [] as number[] }),
    operations: {
      push: (state, n: number) => state.list.push(n),
      slow: async (state, n: number) => {
        late = state;
        state.list.push(n);
        await new Promise<void>((resolve, reject) => gates.push({ open: resolve, fail: reject }));
        state.list.push(-n);
        return n;
      },
    },
    queries: { list: (state) => state.list },
  });
  return { service, gates, lateHandle: () => late };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("executor", () => {
  it("runs synchronous commands at once and in order", () => {
    const { executor, completions, execute, query, answer } = rig(counter);
    const first = execute("add", 5);
    const second = execute("add", 6);
    query("get");
    expect(completions.map((completion) => [completion.kind, completion.ticket])).toEqual([
      ["executed", 1],
      ["executed", 2],
      ["query-answered", 3],
    ]);
    expect([answer(first), answer(second), answer(3)]).toEqual([5, 11, 11]);
    expect(executor.idle()).toBe(true);
    expect(executor.workCount()).toBe(3);
  });

  it("brings a backup to the same state by redo, and takes back what was not released", () => {
    const primary = rig(bank);
    const backup = rig(bank);
    const tickets = bankWorkload(4).setup.map(({ operation, input }) => primary.execute(operation, input));
    const before = primary.executor.digest();
    for (const ticket of tickets) backup.executor.submit({ kind: "apply-update", ticket, redo: primary.redo(ticket) });
    primary.executor.submit({ kind: "release", throughTicket: 4 });
    const refused = primary.execute("transfer", { from: "account-1", to: "account-2", amount: 5_000 });
    expect(primary.answer(refused)).toMatchObject({ code: "insufficient-funds", details: { available: 1_000 } });
    expect(primary.redo(refused).length).toBe(0);
    primary.execute("transfer", { from: "account-1", to: "account-2", amount: 100 });
    primary.execute("deposit", { account: "account-1", amount: 1 });
    expect(primary.executor.digest()).not.toBe(before);
    primary.executor.submit({ kind: "undo-unreleased" });
    expect(primary.executor.digest()).toBe(before);
    expect(backup.executor.digest()).toBe(before);
    expect(primary.executor.brokenInvariants()).toEqual([]);
  });

  it("holds everything up behind an asynchronous handler, queries too, which never see the middle of it", async () => {
    const { service, gates } = gated();
    const { executor, completions, execute, query, answer } = rig(service);
    execute("slow", 1);
    query("list");
    execute("push", 2);
    expect(completions).toEqual([]);
    expect(executor.executing()).toBe("s:1.1.a:1");
    gates[0]?.open();
    await turn();
    expect(completions.map((completion) => completion.ticket)).toEqual([1, 2, 3]);
    expect(answer(2)).toEqual([1, -1]);
    expect(executor.executing()).toBe(null);
  });

  it("rolls a handler back past its limit, which counts from the first tick, and goes on", async () => {
    const { service, gates, lateHandle } = gated();
    const { executor, completions, execute, query, answer } = rig(service);
    expect(executor.nextWakeMs()).toBe(Number.POSITIVE_INFINITY);
    execute("slow", 1, { limitMs: 100 });
    query("list");
    expect(executor.nextWakeMs()).toBe(0);
    executor.tick(5_000);
    expect(executor.nextWakeMs()).toBe(5_100);
    executor.tick(5_099);
    expect(completions).toEqual([]);
    executor.tick(5_100);
    expect(answer(1)).toMatchObject({ code: "handler-timeout" });
    expect(answer(2)).toEqual([]);
    expect(() => lateHandle()?.list.push(9)).toThrow("exceeded its time limit; nothing was read or changed");
    const after = executor.digest();
    gates[0]?.open();
    await turn();
    expect(completions.length).toBe(2);
    expect(executor.digest()).toBe(after);
  });

  it("S2c: undo-unreleased in the middle of an asynchronous handler drops it, what waits behind it, and what was not released", async () => {
    const { service, gates, lateHandle } = gated();
    const { executor, completions, notes, execute, query, answer } = rig(service);
    execute("push", 1);
    executor.submit({ kind: "release", throughTicket: 1 });
    execute("push", 2);
    execute("slow", 3);
    execute("push", 4);
    query("list");
    executor.submit({ kind: "undo-unreleased" });
    expect(completions.map((completion) => completion.ticket)).toEqual([1, 2, 5]);
    expect(answer(5)).toEqual([1]);
    expect(() => lateHandle()?.list.length).toThrow("was taken back");
    gates[0]?.fail(new Error("outside call failed"));
    await turn();
    expect(completions.length).toBe(3);
    expect(notes).toEqual(["operation slow failed after it had been given up: outside call failed"]);
    executor.submit({ kind: "apply-update", ticket: 6, redo: new Uint8Array(0) });
    expect(executor.idle()).toBe(true);
  });

  it("turns what a handler throws into a refusal that has changed nothing", async () => {
    const service = defineService({
      name: "thrower",
      state: () => ({ n: 0, list: [1] }),
      operations: {
        plain: (state) => {
          state.n += 1;
          throw new Error("no way");
        },
        coded: () => refuse("too-late", "the shop is closed", { opensAt: 9 }),
        odd: () => {
          throw 5;
        },
        later: async (state) => {
          state.n += 1;
          await Promise.resolve();
          throw new Error("later");
        },
        badState: (state) => {
          state.n = 7;
          Reflect.set(state, "f", () => 1);
        },
        badResult: (state) => {
          state.n = 8;
          return () => 1;
        },
        hugeResult: () => "x".repeat(5 * 1024 * 1024),
        hugeChange: (state) => {
          Reflect.set(state, "text", "x".repeat(5 * 1024 * 1024));
        },
      },
      queries: { n: (state) => state.n, write: (state) => state.list.push(2), wait: (): unknown => Promise.resolve(1) },
    });
    const { executor, execute, query, answer } = rig(service);
    const before = executor.digest();
    for (const name of Object.keys(service.operations)) execute(name, undefined);
    for (const name of Object.keys(service.queries)) query(name);
    execute("missing", 1);
    query("missing", 1);
    execute("toString", 1);
    await turn();
    expect(answer(1)).toEqual({ code: "refused", message: "no way" });
    expect(answer(2)).toEqual({ code: "too-late", message: "the shop is closed", details: { opensAt: 9 } });
    expect(answer(3)).toMatchObject({ code: "refused" });
    expect(answer(4)).toEqual({ code: "refused", message: "later" });
    expect(answer(5)).toMatchObject({ code: "state-function" });
    expect(answer(6)).toMatchObject({ code: "state-function", message: expect.stringContaining("result") });
    expect(answer(7)).toMatchObject({ code: "too-large" });
    expect(answer(8)).toMatchObject({ code: "too-large" });
    expect(answer(9)).toBe(0);
    expect(answer(10)).toMatchObject({ code: "state-read-only" });
    expect(answer(11)).toMatchObject({ code: "async-query" });
    for (const ticket of [12, 13, 14]) expect(answer(ticket)).toMatchObject({ code: "unknown-operation" });
    expect(executor.digest()).toBe(before);
  });

  it("refuses inputs that do not decode or do not fit the schema, before the handler runs", () => {
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) =>
          typeof value === "number" ? { value: value * 2 } : { issues: [{ message: "has to be a number", path: ["amount"] }] },
      },
    };
    const service = defineService({
      name: "checked",
      state: () => ({ n: 0 }),
      operations: { add: (state, by: number) => (state.n += by) },
      queries: { plus: (state, by: number) => state.n + by },
      inputs: { add: schema, plus: schema },
    });
    const { execute, query, answer } = rig(service);
    execute("add", "five");
    execute("add", 5, { input: new Uint8Array([0xc1, 0xff]) });
    execute("add", 5);
    query("plus", "x");
    expect(answer(1)).toEqual({ code: "invalid-input", message: "amount: has to be a number" });
    expect(answer(2)).toMatchObject({ code: "invalid-input" });
    expect(answer(3)).toBe(10);
    expect(answer(4)).toMatchObject({ code: "invalid-input" });
  });

  it("S9: an input that is nested too deeply is refused in the same words, whether the stack of this call holds it or not", () => {
    const { executor, execute, answer, completions } = rig(
      defineService({ name: "deep", state: () => ({ n: 0 }), operations: { take: (state, _: unknown) => ++state.n }, queries: {} }),
    );
    const nested = (depth: number) => new Uint8Array(depth + 1).fill(0x91, 0, depth).fill(0xc0, depth);
    const take = (depth: number) => answer(execute("take", null, { input: nested(depth), settled: true }));
    expect(take(128)).toBe(1);
    const refused = { code: "invalid-input", message: "the input is nested deeper than 128" };
    for (const depth of [129, 2_000, 4_000, 10_000, 1_000_000]) expect(take(depth)).toEqual(refused);
    const circle: unknown[] = [];
    circle.push(circle, "x".repeat(200));
    expect(answer(execute("take", circle, { settled: true }))).toBe(2);
    const mixed = Array.from({ length: 200 }).reduce<unknown>(
      (inner, _, at) => [new Map([["k", inner]]), [new Set([1]), inner], { inner }][at % 3] ?? inner,
      [1],
    );
    expect(answer(execute("take", mixed, { settled: true }))).toEqual(refused);
    expect(completions).toHaveLength(8);
    expect(executor.idle()).toBe(true);
  });

  it("S9: in style active time, random numbers and ids come from the log, and the real ones are back afterwards", () => {
    const service = defineService({
      name: "clocked",
      state: () => ({ seen: [] as unknown[] }),
      operations: {
        look: (state, _input: undefined, context) => {
          const seen = [
            Date.now(),
            new Date().toISOString(),
            new Date(5).getTime(),
            new Date(5) instanceof Date,
            performance.now(),
            Math.random(),
            crypto.randomUUID(),
            [...crypto.getRandomValues(new Uint8Array(3))],
            context.now,
            context.random(),
            context.uuid(),
          ];
          state.seen = seen;
          state.seen.push(new Date());
          return seen;
        },
        fail: () => {
          throw new Error(String(Math.random()));
        },
      },
      queries: { now: (_state, _input: undefined, context) => context.now },
    });
    const real = { Date, random: Math.random, uuid: crypto.randomUUID, now: performance.now };
    const one = rig(service);
    const two = rig(service);
    for (const { execute } of [one, two]) {
      execute("look", undefined, { settled: true });
      execute("fail", undefined, { settled: true });
      execute("look", undefined, { settled: true });
    }
    expect(one.answer(1)).toEqual(two.answer(1));
    expect(one.answer(2)).toEqual(two.answer(2));
    expect(one.executor.digest()).toBe(two.executor.digest());
    expect((one.answer(1) as unknown[]).slice(0, 5)).toEqual([1_000, "1970-01-01T00:00:01.000Z", 5, true, 1_000]);
    // Another request, with the same time and seed, has other ids.
    expect((one.answer(3) as unknown[])[6]).not.toBe((one.answer(1) as unknown[])[6]);
    expect((one.answer(1) as string[])[10]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect({ Date, random: Math.random, uuid: crypto.randomUUID, now: performance.now }).toEqual(real);
    expect(Object.hasOwn(crypto, "randomUUID")).toBe(false);
    expect(one.redo(1).length).toBe(0);
  });

  it("S9: refuses a handler of style active that turns out to be asynchronous, on every replica alike", async () => {
    const service = defineService({
      name: "sneaky",
      state: () => ({ n: 0 }),
      operations: {
        add: (state): unknown => {
          state.n += 1;
          return Promise.resolve().then(() => {
            state.n += 1;
          });
        },
      },
      queries: {},
    });
    const { executor, execute, answer } = rig(service);
    const before = executor.digest();
    execute("add", undefined, { settled: true });
    await turn();
    expect(answer(1)).toMatchObject({ code: "async-operation", message: expect.stringContaining("operation add") });
    expect(executor.digest()).toBe(before);
  });

  it("does not make exhausted stack a reply in style active", () => {
    const forever = (): number => forever() + 1;
    const service = defineService({ name: "deep", state: () => ({}), operations: { dive: () => forever() }, queries: {} });
    const active = rig(service);
    expect(() => active.execute("dive", undefined, { settled: true })).toThrow(FatalExecution);
    expect(active.completions).toEqual([]);
    const passive = rig(service);
    passive.execute("dive", undefined);
    expect(passive.answer(1)).toMatchObject({ code: "refused" });
  });

  it("captures only at a quiet point, goes on under the capture, and restores elsewhere", async () => {
    const { service, gates } = gated();
    const { executor, execute } = rig(service);
    execute("push", 1);
    expect(() => executor.capture()).toThrow("capture");
    executor.submit({ kind: "release", throughTicket: 1 });
    execute("slow", 2);
    expect(() => executor.capture()).toThrow("capture");
    gates[0]?.open();
    await turn();
    executor.submit({ kind: "release", throughTicket: 2 });
    const digest = executor.digest();
    const capture = executor.capture();
    execute("push", 3);
    const other = rig(service);
    other.execute("push", 99, { settled: true });
    other.executor.beginRestore();
    for (let slice = capture.next(); slice !== null; slice = capture.next()) other.executor.restoreSlice(slice);
    other.executor.finishRestore();
    expect(other.executor.digest()).toBe(digest);
    expect(() => other.executor.restoreSlice(new Uint8Array(1))).toThrow("no restore was begun");
    other.executor.submit({ kind: "apply-update", ticket: 1, redo: new Uint8Array(0) });
  });
});

describe("bank", () => {
  it("keeps its sum through a long workload", () => {
    const { executor, execute, completions } = rig(bank);
    const workload = bankWorkload(10);
    let seed = 1;
    const randomUint32 = (): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed >>> 3;
    };
    for (const { operation, input } of workload.setup) execute(operation, input, { settled: true });
    for (let count = 0; count < 2_000; count += 1) {
      const { operation, input } = workload.nextRequest(randomUint32);
      execute(operation, input, { settled: true });
    }
    const refused = completions.filter((completion) => completion.kind === "executed" && completion.reply.refused).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(1_500);
    expect(executor.brokenInvariants()).toEqual([]);
  });
});
