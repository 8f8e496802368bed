import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import bank from "../../examples/bank/bank.js";
import counter from "../../examples/counter/counter.js";
import kv from "../../examples/kv/kv.js";
import { type AnyService, defineService } from "../service/define-service.js";
import { serviceMachine } from "../service/service-machine.js";
import type { StateMachine } from "../service/state-machine.js";
import { STYLES, type Style } from "../vocabulary/style.js";
import type { Proof } from "./conduct.js";
import { proveHere } from "./in-process.js";
import type { Subject } from "./subject.js";
import { hasPassed, proofText } from "./verdict.js";

const SLOW = { timeout: 240_000 };

async function prove(subject: Subject | AnyService, styles?: readonly Style[], seeds = 1): Promise<{ proof: Proof; text: string }> {
  const whole = "newService" in subject ? subject : { newService: () => subject };
  const proof = await proveHere(whole, { seeds, firstSeed: 1, without: [], ...(styles === undefined ? {} : { styles }) });
  return { proof, text: proofText(proof, (style, seed) => `again ${style} ${seed}`) };
}

const tally = (name: string, add: (state: { total: number }, by: number) => unknown, more: Partial<AnyService> = {}): AnyService => ({
  ...defineService({
    name,
    state: () => ({ total: 0 }),
    operations: { add },
    queries: { total: (state) => state.total },
    examples: { add: [1, 2, 3] },
  }),
  ...more,
});

describe("a service that keeps the rules", () => {
  const examples: readonly { readonly service: AnyService; readonly styles: readonly Style[] }[] = [
    { service: bank, styles: STYLES },
    { service: counter, styles: ["active"] },
    { service: kv, styles: ["warm-passive"] },
  ];
  test.for(examples)("passes: $service.name", SLOW, async ({ service, styles }) => {
    const { proof, text } = await prove(service, styles);
    expect(text).toContain("Everything held.");
    expect(hasPassed(proof)).toBe(true);
    expect(proof.styles.map(({ style }) => style)).toEqual(styles);
    for (const style of proof.styles) {
      // Backups that are cold have no state to be compared.
      expect(style.comparisons).toBeGreaterThan(style.style === "cold-passive" ? 10 : 100);
      expect(style.snapshots).toBeGreaterThan(10);
      expect(style.invariantChecks).toBeGreaterThan(100);
    }
  });

  test("may use Math.random and Date.now in style active: they answer from the log", SLOW, async () => {
    const service = tally("chancy", (state, by) => {
      state.total += by * Math.random() + (Date.now() % 7);
      return state.total;
    });
    expect((await prove(service, ["active"])).text).toContain("Everything held.");
  });

  test("may await promises of its own", SLOW, async () => {
    const service = defineService({
      name: "patient",
      state: () => ({ total: 0 }),
      operations: {
        async add(state, by: number) {
          const amounts = await Promise.all([1, 2].map(async (times) => by * times));
          for (const amount of amounts) state.total += await Promise.resolve(amount);
          return state.total;
        },
      },
      queries: { total: (state) => state.total },
      examples: { add: [1, 2] },
      invariants: { "three times what was given": (state) => state.total % 3 === 0 },
    });
    const { proof, text } = await prove(service);
    expect(text).toContain("Everything held.");
    expect(proof.styles.map(({ style, executed }) => [style, executed > 100])).toEqual([
      ["warm-passive", true],
      ["cold-passive", true],
    ]);
  });
});

describe("replicas that do not agree: the first operation after which they do not is named", () => {
  const cases: [string, () => AnyService][] = [
    [
      "a random source that was kept from before",
      () => {
        const random = Math.random;
        return tally("kept-random", (state, by) => {
          state.total += by * random();
        });
      },
    ],
    [
      "a clock that was kept from before",
      () => {
        const now = Date.now;
        return tally("kept-clock", (state) => {
          state.total = now();
        });
      },
    ],
    [
      "the number of its process",
      () =>
        tally("numbered", (state) => {
          state.total = process.pid;
        }),
    ],
    [
      "how long its process has been up",
      () =>
        tally("aging", (state) => {
          state.total = process.uptime();
        }),
    ],
    [
      "a variable outside the state, which a restart forgets",
      () => {
        let count = 0;
        return tally("forgetful", (state) => {
          count += 1;
          state.total = count;
        });
      },
    ],
  ];
  test.for(cases)("%s", SLOW, async ([, newService]) => {
    const { proof, text } = await prove({ newService }, ["active"], 3);
    expect(text).toContain("FAILED: the replicas do not agree");
    expect(text).toMatch(/After add [123] \(operation \d+ of the run\) the state of \S+ is not that of .+\n {4}state\.total is \d/);
    expect(text).toMatch(/again active \d/);
    expect(hasPassed(proof)).toBe(false);
  });

  test("with answers that differ while the states do not", SLOW, async () => {
    const newService = (): AnyService => {
      const random = Math.random;
      return tally("odd-answers", (state, by) => {
        state.total += by;
        return random();
      });
    };
    expect((await prove({ newService }, ["active"])).text).toMatch(
      /After add [123] \(operation 1 of the run\) \S+ answers 0\.\d+, and \S+ 0\.\d+/,
    );
  });

  test("from the first state on", async () => {
    const newService = (): AnyService => {
      const random = Math.random;
      return { ...tally("born-different", () => {}), state: () => ({ total: random() }) };
    };
    expect((await prove({ newService })).text).toContain("state() does not give the same first state on each replica");
  });
});

test("an invariant that does not hold is named, with what led to it", SLOW, async () => {
  const service = tally(
    "sinking",
    (state, by) => {
      state.total -= by;
    },
    { styles: ["active"], invariants: { "never below minus ten": (state: { total: number }) => state.total >= -10 } },
  );
  const { text } = await prove(service);
  expect(text).toMatch(/After add [123] on \S+: "never below minus ten" does not hold/);
  expect(text).toMatch(/The last operations, in the order of the log:\n {4}1 add [123]\n {4}2 add/);
});

test("a snapshot that restores to another state is found", SLOW, async () => {
  const lossy = (service: AnyService): StateMachine => {
    const machine = serviceMachine(service);
    const empty = serviceMachine({ ...service, state: () => ({ total: -1 }) });
    let restored = machine;
    return {
      ...machine,
      digest: () => restored.digest(),
      query: (...given) => restored.query(...given),
      finishRestore() {
        machine.finishRestore();
        restored = empty;
      },
    };
  };
  const service = tally(
    "lossy",
    (state, by) => {
      state.total += by;
    },
    { styles: ["active"] },
  );
  const { text } = await prove({ newService: () => service, makeMachine: lossy });
  expect(text).toMatch(/A snapshot of \S+ restores to another state: state\.total was \d+ and became -1/);
});

describe("a handler that reaches outside is reported by name, and not run", () => {
  const cases: [string, (state: { total: number }, by: number) => unknown, RegExp][] = [
    ["fetch", async () => fetch("http://127.0.0.1:9/"), /operation add was NOT RUN: the operation add calls fetch/],
    ["a timer", () => new Promise((resolve) => setTimeout(resolve, 1)), /operation add was NOT RUN: the operation add calls setTimeout/],
    [
      "a file",
      () => readFile("/etc/hostname", "utf8"),
      /operation add was NOT RUN: the operation add waits for something that is neither a promise of its own nor its context/,
    ],
    ["the end of its process", () => process.exit(), /operation add was NOT RUN: the operation add calls process\.exit/],
    ["a promise that nobody settles", () => new Promise(() => {}), /operation add was NOT RUN: the operation add waits for something/],
  ];
  test.for(cases)("%s", SLOW, async ([, add, words]) => {
    const { proof, text } = await prove(tally("reaching", add));
    expect(text).toMatch(words);
    expect(hasPassed(proof)).toBe(false);
  });

  test("the others are run", SLOW, async () => {
    const service = defineService({
      name: "half",
      state: () => ({ total: 0 }),
      operations: {
        add(state, by: number) {
          state.total += by;
        },
        refresh: async (state) => {
          state.total = (await (await fetch("http://127.0.0.1:9/")).json()) as number;
        },
      },
      queries: {},
      examples: { add: [1] },
    });
    const { proof, text } = await prove(service);
    expect(text).toContain("operation refresh was NOT RUN");
    expect(proof.styles[0]?.calls.get("add")?.answered).toBeGreaterThan(50);
    expect(hasPassed(proof)).toBe(false);
    const without = await proveHere({ newService: () => service }, { seeds: 1, firstSeed: 1, without: ["refresh"] });
    expect(hasPassed(without)).toBe(true);
    const misspelt = proveHere({ newService: () => service }, { seeds: 1, firstSeed: 1, without: ["refersh"] });
    await expect(misspelt).rejects.toThrow("no operation or query refersh to leave out; it has add, refresh");
  });
});

test("a service without examples is told what to add", async () => {
  const { examples: _, ...service } = tally("bare", (state, by) => {
    state.total += by;
  });
  const { proof, text } = await prove(service);
  expect(text).toContain("add examples: { add: [...] } to the service");
  expect(hasPassed(proof)).toBe(false);
});

test("no input at all may be among the examples", SLOW, async () => {
  const service = tally(
    "lenient",
    (state, by = 1) => {
      state.total += by;
    },
    { styles: ["active"], examples: { add: [undefined, 2] } },
  );
  expect((await prove(service)).text).toContain("Everything held.");
});

test("what the machine gives is left as it was", async () => {
  const given = (): unknown[] => {
    const { hrtime, pid, uptime, memoryUsage } = process;
    return [Date, Math.random, fetch, setTimeout, performance.now, hrtime, pid, uptime, memoryUsage, console.log];
  };
  const before = given();
  await prove(tally("tidy", () => {}, { styles: ["active"] }));
  expect(given()).toEqual(before);
  expect(randomUUID()).not.toBe(randomUUID());
});
