import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { copyOut, plainCopy } from "./copy-out.js";
import { applyRedo, beginScope, createJournal, endScope, redoOf, rollBack, settle } from "./journal.js";
import { handleOf, type Journal, type Scope } from "./scope.js";
import { digestOf } from "./state-digest.js";

// biome-ignore lint/suspicious/noExplicitAny: misuse is what is tested here
type Loose = any;

const fresh = (): Journal => createJournal({ list: [{ n: 1 }, { n: 2 }], map: new Map([[0, { n: 3 }]]), set: new Set([0]), object: {} });

function operate(journal: Journal, body: (state: Loose) => unknown): Scope {
  const scope = beginScope(journal, { writable: true, redo: true });
  body(handleOf(scope, journal.root));
  endScope(scope, "has ended");
  return scope;
}

describe("parts of a container that was taken out of the state, put elsewhere since", () => {
  it.each<[string, (state: Loose) => unknown]>([
    ["items, when the old array is cut", (s) => emptied(s, (old) => (old.length = 0))],
    ["an item, when it is popped off the old array", (s) => emptied(s, (old) => old.pop())],
    ["an item, when another comes into its place in the old array", (s) => emptied(s, (old) => (old[0] = { n: 9 }))],
    [
      "the value of a Map, when the old one is cleared",
      (s) => {
        const old = s.map;
        s.map = new Map(old);
        old.clear();
      },
    ],
    [
      "the property of an object, when it is deleted from the old one",
      (s) => {
        s.object.a = { part: { n: 4 } };
        const old = s.object.a;
        s.object.a = { ...old };
        delete old.part;
      },
    ],
  ])("stay where they are: %s", (_what, body) => {
    const [primary, backup] = [fresh(), fresh()];
    const first = operate(primary, body);
    const redo = redoOf(first);
    settle(first);
    applyRedo(backup, redo);
    // A part that was forgotten is found by no record that names it, and is in no snapshot.
    const second = operate(primary, (s) => {
      for (const each of [...s.list, ...s.map.values(), ...Object.values(s.object).map((holder: Loose) => holder.part)]) each.n += 100;
    });
    settle(second);
    applyRedo(backup, redoOf(second));
    expect(plainCopy(backup.root)).toEqual(plainCopy(primary.root));
    expect([...primary.index.keys()].sort()).toEqual([...backup.index.keys()].sort());
  });

  const emptied = (s: Loose, empty: (old: Loose) => unknown): void => {
    const old = s.list;
    s.list = [...old];
    empty(old);
  };
});

describe("what an undo puts back", () => {
  it("S2c: is the key that there was, where -0 was asked for in place of 0", () => {
    const journal = fresh();
    const before = digestOf(journal.root);
    const scope = operate(journal, (s) => {
      s.set.delete(-0);
      s.map.delete(-0);
    });
    rollBack(scope);
    expect(digestOf(journal.root)).toBe(before);
    const { set, map } = plainCopy(journal.root) as { set: Set<number>; map: Map<number, unknown> };
    expect([[...set], [...map.keys()]]).toEqual([[0], [0]]);
  });

  it("S2c: is what there was, also where reading an index changes the array", () => {
    const journal = fresh();
    const before = plainCopy(journal.root);
    const scope = operate(journal, (s) => {
      const index = {
        valueOf() {
          s.list.length = 1;
          return 2;
        },
      };
      expect(() => s.list.splice(index, 0, { n: 3 })).toThrow("changes while an index into it is read");
      expect(() => s.list.fill(0, index)).not.toThrow();
    });
    rollBack(scope);
    expect(plainCopy(journal.root)).toEqual(before);
  });
});

it("refuses an array with the prototype of something else, rather than keep it as that", () => {
  const journal = fresh();
  for (const prototype of [null, Object.prototype, Map.prototype])
    expect(() => operate(journal, (s) => (s.object.x = Object.setPrototypeOf([1], prototype)))).toThrow("cannot be replicated");
});

it("refuses a result with half of a surrogate pair in a key, which the codec would garble", () => {
  expect(() => copyOut({ "\ud800": 1 })).toThrow("half of a surrogate pair");
});

it("is shown by console.log as what it is, not as the empty object under a Proxy, and touches nothing once its operation has ended", () => {
  const journal = createJournal({
    list: [{ n: 1 }, [2]],
    map: new Map([["a", { n: 3 }]]),
    long: Array.from({ length: 2_000 }, (_, n) => n),
  });
  const scope = beginScope(journal, { writable: true, redo: true });
  const state = handleOf(scope, journal.root) as Loose;
  expect(inspect(state.list)).toBe("[ { n: 1 }, [ 2 ] ]");
  expect(inspect(state)).toMatch(/list: \[ \{ n: 1 \}, \[ 2 \] \],\s+map: .*'a' => \{ n: 3 \}/);
  expect(inspect(state.long)).toContain("1900 more items");
  expect(Reflect.ownKeys(state.list)).toEqual(["0", "1", "length"]);
  const { list } = state;
  endScope(scope, "has ended");
  expect(inspect(list)).toBe("[a part of the state, handed to an operation that has ended]");
});
