import { describe, expect, it } from "vitest";
import { defineService } from "./define-service.js";
import { rig, turn } from "./executor.test-rig.js";

interface State {
  accounts: Map<string, { balance: number; tags: string[] }>;
  lists: Record<string, number[]>;
  rows: object[];
  at: Date;
  bytes: Uint8Array;
  any: Record<string, unknown>;
}

const state = (): State => ({ accounts: new Map(), lists: {}, rows: [], at: new Date(5), bytes: new Uint8Array([1, 2]), any: {} });

type Handler = (state: State) => unknown;

/** What an operation with this handler is answered, in both kinds of style. A refused one has changed nothing. */
function answerTo(handler: Handler): unknown {
  const { executor, execute, answer } = rig(defineService({ name: "copies", state, operations: { run: handler }, queries: {} }));
  const before = executor.digest();
  const passive = answer(execute("run", null));
  if (typeof passive === "object" && passive !== null && "code" in passive) expect(executor.digest()).toBe(before);
  executor.submit({ kind: "undo-unreleased" });
  expect(answer(execute("run", null, { settled: true }))).toEqual(passive);
  return passive;
}

function putAccount(s: State) {
  const account = { balance: 0, tags: ["new"] };
  s.accounts.set("a", account);
  return account;
}

/** Puts a value into the state, and changes the original. */
function changedLater<Value>(make: () => Value, put: (s: State, value: Value) => unknown, change: (value: Value) => unknown): Handler {
  return (s) => {
    const original = make();
    put(s, original);
    change(original);
  };
}

const putAny = (s: State, value: unknown): void => {
  s.any.it = value;
};

describe("what the state's copy would not have is refused at the end of the operation, by its place", () => {
  it.each<[string, Handler, string]>([
    ["a property of a new object that was put in", (s) => (putAccount(s).balance += 5), 'state.accounts.get("a")'],
    ["what lies in it", (s) => putAccount(s).tags.push("vip"), 'state.accounts.get("a").tags'],
    ["a property that comes", (s) => Object.assign(putAccount(s), { late: 1 }), 'state.accounts.get("a")'],
    ["a property that goes", (s) => Reflect.deleteProperty(putAccount(s), "balance"), 'state.accounts.get("a")'],
    // biome-ignore lint/suspicious/noAssignInExpressions: as it is often written
    ["what is pushed onto the result of an assignment", (s) => (s.lists.a ??= []).push(1), "state.lists.a"],
    [
      "the order of an array",
      changedLater(
        () => [2, 1],
        putAny,
        (list) => list.sort(),
      ),
      "state.any.it",
    ],
    [
      "an entry of a Map",
      changedLater(
        () => new Map([[0, 1]]),
        putAny,
        (map) => map.set(1, 2),
      ),
      "state.any.it",
    ],
    [
      "the value of an entry",
      changedLater(
        () => new Map([[0, 1]]),
        putAny,
        (map) => map.set(0, 2),
      ),
      "state.any.it",
    ],
    [
      "the members of a Set",
      changedLater(
        () => new Set([1]),
        putAny,
        (set) => set.clear(),
      ),
      "state.any.it",
    ],
    [
      "other members, as many",
      changedLater(
        () => new Set([1]),
        putAny,
        (set) => set.delete(1) && set.add(2),
      ),
      "state.any.it",
    ],
    [
      "a Date",
      changedLater(
        () => new Date(6),
        putAny,
        (date) => date.setTime(9),
      ),
      "state.any.it",
    ],
    [
      "a Date that becomes none",
      changedLater(
        () => new Date(6),
        (s, at) => s.rows.push({ at }),
        (at) => at.setTime(Number.NaN),
      ),
      "state.rows[0].at",
    ],
    [
      "bytes",
      changedLater(
        () => new Uint8Array(3),
        putAny,
        (bytes) => bytes.fill(9, 2),
      ),
      "state.any.it",
    ],
    ["a Date that was read", (s) => s.at.setTime(9), "state.at"],
    ["bytes that were read", (s) => s.bytes.fill(0), "state.bytes"],
    [
      "bytes that were read very often before",
      (s) => {
        for (let at = 0; at < 100_000; at += 1) if (s.bytes[0] !== 1) return;
        s.bytes[1] = 0;
      },
      "state.bytes",
    ],
    [
      "bytes of megabytes that were read",
      (s) => {
        s.any.it = new Uint8Array(3_000_000);
        (s.any.it as Uint8Array)[2_000_000] = 1;
      },
      "state.any.it",
    ],
    [
      "a Date that was put back before its last change",
      (s) => {
        const { at } = s;
        at.setTime(8);
        s.at = at;
        at.setTime(9);
      },
      "state.at",
    ],
  ])("%s", (_what, handler, path) => {
    expect(answerTo(handler)).toEqual({ code: "state-copy", message: expect.stringContaining(`${path}: `) });
  });

  it("in an asynchronous handler too", async () => {
    const service = defineService({
      name: "slow",
      state,
      operations: {
        run: async (s) => {
          const account = putAccount(s);
          await Promise.resolve();
          account.balance = 1;
        },
      },
      queries: { count: (s) => s.accounts.size },
    });
    const { execute, query, answer } = rig(service);
    execute("run", null);
    await turn();
    expect(answer(1)).toMatchObject({ code: "state-copy" });
    query("count");
    expect(answer(2)).toBe(0);
  });
});

describe("is taken", () => {
  it.each<[string, Handler, unknown]>([
    [
      "a change of what is read back",
      (s) => {
        putAccount(s);
        const account = s.accounts.get("a");
        if (account !== undefined) account.balance += 5;
        return account;
      },
      { balance: 5, tags: ["new"] },
    ],
    [
      "of what was taken out again",
      (s) => {
        const account = putAccount(s);
        s.accounts.delete("a");
        account.balance = 3;
        return account.balance;
      },
      3,
    ],
    [
      "of what was taken out with its holder",
      (s) => {
        const row = { n: 1, at: new Date(1) };
        s.any.list = [row];
        s.any = {};
        row.n = row.at.setTime(2);
        return row.n;
      },
      2,
    ],
    [
      "of a Date that another has replaced",
      (s) => {
        const { at } = s;
        s.at = new Date(0);
        return at.setTime(7);
      },
      7,
    ],
    [
      "of a Date that is put back, or put elsewhere",
      (s) => {
        const { at } = s;
        s.any.due = new Date(at.setTime(7));
        s.at = at;
        return [s.at, s.any.due];
      },
      [new Date(7), new Date(7)],
    ],
    [
      "of an object that is filled anew for each row",
      (s) => {
        const row = { n: 0 };
        for (const n of [1, 2, 3]) {
          row.n = n;
          s.rows.push(row);
        }
        return s.rows;
      },
      [{ n: 1 }, { n: 2 }, { n: 3 }],
    ],
    [
      "a getter that gives another object each time",
      (s) => {
        s.any.late = {
          get at() {
            return {};
          },
        };
        return s.any.late;
      },
      { at: {} },
    ],
    [
      "what equals itself only to Object.is",
      (s) => {
        s.any.odd = [Number.NaN, -0, undefined, { u: undefined }];
        return null;
      },
      null,
    ],
    ["an object that is frozen after it was put in", (s) => Object.isFrozen(Object.freeze(putAccount(s))), true],
  ])("%s", (_what, handler, result) => {
    expect(answerTo(handler)).toEqual(result);
  });
});
