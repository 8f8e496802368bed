import { describe, expect, it } from "vitest";
import bank from "../../examples/bank/bank.js";
import { bankWorkload } from "../../examples/bank/workload.js";
import counter from "../../examples/counter/counter.js";
import { defineService } from "./define-service.js";
import { refuse, ServiceRefusal } from "./refuse.js";
import { rig, gated, turn } from "./executor.test-rig.js";

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

  it("S8: what a handler throws may be as odd as it likes: it is refused, in a query too, and the replica goes on", async () => {
    const odd: Record<string, () => unknown> = {
      // As of a class that declares the field anew.
      missing: () => Object.assign(new Error("x"), { message: undefined }),
      noText: () => Object.assign(new Error("x"), { message: { get: () => 1 } }),
      getter: () =>
        Object.defineProperty(new RangeError("x"), "message", {
          get() {
            throw new Error("not this one");
          },
        }),
      revoked: () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
      bare: () => Object.create(null),
      badCode: () => Object.assign(new ServiceRefusal("x", "y"), { code: () => 1 }),
    };
    const service = defineService({
      name: "odd",
      state: () => ({ n: 0 }),
      operations: {
        op: (state, name: string) => {
          state.n += 1;
          throw odd[name]?.();
        },
        later: async (state, name: string) => {
          state.n += 1;
          await Promise.resolve();
          throw odd[name]?.();
        },
      },
      queries: {
        ask: (_state, name: string) => {
          throw odd[name]?.();
        },
      },
    });
    const { executor, completions, notes, execute, query, answer } = rig(service);
    const before = executor.digest();
    for (const name of Object.keys(odd)) {
      execute("op", name, { settled: true });
      execute("op", name);
      query("ask", name);
      execute("later", name);
      await turn();
    }
    expect(completions).toHaveLength(4 * Object.keys(odd).length);
    for (const { ticket } of completions) expect(answer(ticket)).toMatchObject({ code: "refused", message: expect.any(String) });
    expect(executor.digest()).toBe(before);
    execute("later", "bare");
    executor.submit({ kind: "undo-unreleased" });
    await turn();
    expect(notes).toEqual(["operation later failed after it had been given up: the handler threw something that is no Error"]);
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
