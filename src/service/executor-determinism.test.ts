import { describe, expect, it } from "vitest";
import { defineService } from "./define-service.js";
import { FatalExecution } from "./fatal.js";
import { refuse } from "./refuse.js";
import { rig, turn } from "./executor.test-rig.js";

describe("executor in style active", () => {
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

  it("S9: getters of what a handler returned or threw are its code too, and see the log's time", () => {
    const late = {
      get at() {
        return Date.now() + Math.random();
      },
    };
    const service = defineService({
      name: "late",
      state: () => ({}),
      operations: {
        give: () => late,
        fail: () => {
          refuse("no", "no", late);
        },
      },
      queries: {},
    });
    const [one, two] = [rig(service), rig(service)];
    for (const { execute } of [one, two]) {
      execute("give", undefined, { settled: true });
      execute("fail", undefined, { settled: true });
    }
    expect((one.answer(1) as { at: number }).at).toBeLessThan(1_001);
    expect([two.answer(1), two.answer(2)]).toEqual([one.answer(1), one.answer(2)]);
  });

  it("S9: getters of the first state see the beginning of time on each replica, and a class derived from Date is one", () => {
    const service = defineService({
      name: "first",
      state: () => ({
        get madeAt() {
          return Date.now();
        },
      }),
      operations: {
        look: (state) => {
          class Day extends Date {
            number() {
              return Math.floor(this.getTime() / 100);
            }
          }
          return [state.madeAt, new Day().number(), new Day() instanceof Date, new Day(700).number()];
        },
      },
      queries: {},
    });
    const { execute, answer } = rig(service);
    expect(answer(execute("look", undefined, { settled: true }))).toEqual([0, 10, true, 7]);
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
});
