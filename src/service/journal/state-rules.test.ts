import { describe, expect, it } from "vitest";
import { copyOut, plainCopy } from "./copy-out.js";
import { applyRedo, beginScope, createJournal, endScope, redoOf, rollBack, settle } from "./journal.js";
import { StateRefusal } from "./refusal.js";
import { handleOf, type Journal } from "./scope.js";

// biome-ignore lint/suspicious/noExplicitAny: misuse is what is tested here
type Loose = any;

const fresh = (): Journal =>
  createJournal({ list: [{ n: 1 }, { n: 2 }], map: new Map([["a", { owner: "x" }]]), set: new Set([1]), object: {} });

/** Runs `body` on a fresh state and gives the refusal that it meets; the state has to be untouched then. */
function refusalOf(body: (state: Loose) => unknown): StateRefusal {
  const journal = fresh();
  const before = plainCopy(journal.root);
  const scope = beginScope(journal, { writable: true, redo: true });
  try {
    body(handleOf(scope, journal.root));
  } catch (error) {
    expect(plainCopy(journal.root)).toEqual(before);
    expect(error).toBeInstanceOf(StateRefusal);
    return error as StateRefusal;
  }
  throw new Error("was not refused");
}

function stateAfter(body: (state: Loose) => unknown): unknown {
  const journal = fresh();
  const scope = beginScope(journal, { writable: true, redo: true });
  body(handleOf(scope, journal.root));
  endScope(scope, "has ended");
  settle(scope);
  return plainCopy(journal.root);
}

class Money {
  amount = 1;
}

const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);
const sharedPart = { p: 1 };

describe("values that the state refuses, by path and code", () => {
  it.each<[string, (state: Loose) => unknown, string, string]>([
    ["a class instance", (s) => (s.object.money = new Money()), "state-class-instance", "state.object.money: an instance of Money"],
    ["a class instance inside", (s) => s.list.push({ deep: [new Money()] }), "state-class-instance", "state.list[2].deep[0]"],
    ["a typed array", (s) => (s.object.x = new Uint16Array(2)), "state-class-instance", "Uint16Array"],
    ["a regular expression", (s) => (s.object.x = /x/), "state-class-instance", "RegExp"],
    ["an error", (s) => (s.object.x = new Error("x")), "state-class-instance", "Error"],
    ["a promise", (s) => (s.object.x = Promise.resolve()), "state-class-instance", "Promise"],
    ["a boxed primitive", (s) => (s.object.x = Object(1)), "state-class-instance", "Number"],
    ["a function", (s) => (s.object.f = () => 1), "state-function", "state.object.f"],
    ["a symbol", (s) => (s.object.f = Symbol("x")), "state-symbol", "state.object.f"],
    ["a symbol as key", (s) => (s.object[Symbol("x")] = 1), "state-symbol", "state.object"],
    ["a symbol as key inside", (s) => (s.object.x = { [Symbol("x")]: 1 }), "state-symbol", "state.object.x"],
    ["an invalid date", (s) => (s.object.at = new Date(Number.NaN)), "state-date", "state.object.at"],
    ["an object as Map key", (s) => s.map.set({}, 1), "state-key", "state.map"],
    ["a date as Map key", (s) => s.map.set(new Date(0), 1), "state-key", "state.map"],
    ["an object as Set member", (s) => s.set.add({}), "state-key", "state.set"],
    ["an object as Map key inside", (s) => (s.object.x = new Map([[{}, 1]])), "state-key", "state.object.x"],
    ["half a surrogate pair", (s) => (s.object.text = "x\ud800"), "state-surrogate", "state.object.text"],
    ["half a surrogate pair as key", (s) => (s.object["\udc00"] = 1), "state-surrogate", "state.object"],
    [
      "the key __proto__",
      (s) => Object.defineProperty(s.object, "__proto__", { value: 1, writable: true, enumerable: true, configurable: true }),
      "state-proto-key",
      "state.object",
    ],
    ["the key __proto__ inside", (s) => (s.object.x = JSON.parse('{"__proto__": 1}')), "state-proto-key", "state.object.x"],
    ["a sparse array", (s) => (s.object.x = new Array(3)), "state-sparse", "state.object.x[0]"],
    ["an index behind the end", (s) => (s.list[5] = 1), "state-sparse", "state.list[5]"],
    ["a longer length", (s) => (s.list.length = 9), "state-sparse", "state.list.length"],
    ["delete of an item", (s) => delete s.list[0], "state-sparse", "state.list[0]"],
    ["a named property of an array", (s) => (s.list.name = 1), "state-array-property", "state.list.name"],
    [
      "a named property of an array inside",
      (s) => (s.object.x = Object.assign([1], { name: 1 })),
      "state-array-property",
      "state.object.x",
    ],
    ["a getter", (s) => Object.defineProperty(s.object, "x", { get: () => 1 }), "state-fixed", "state.object"],
    ["a read-only property", (s) => Object.defineProperty(s.object, "x", { value: 1, writable: false }), "state-fixed", "state.object"],
    ["freezing", (s) => Object.freeze(s.object), "state-fixed", "state.object"],
    ["another prototype", (s) => Object.setPrototypeOf(s.object, Money.prototype), "state-fixed", "state.object"],
    ["too deep a value", (s) => (s.object.x = deep(1_000)), "state-too-deep", "nested deeper"],
  ])("%s", (_what, body, code, text) => {
    const refusal = refusalOf(body);
    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(text);
  });

  it.each<[string, (state: Loose) => unknown, string, string]>([
    ["an object of the state at a second place", (s) => (s.object.again = s.list[1]), "state.object.again", "state.list[1]"],
    ["one inside a new value", (s) => (s.object.again = { deep: [s.map.get("a")] }), "state.object.again.deep[0]", 'state.map.get("a")'],
    ["one in place of another", (s) => (s.list[0] = s.list[1]), "state.list[0]", "state.list[1]"],
    [
      "the same new object twice in one value",
      (s) => (s.object.x = { a: sharedPart, b: sharedPart }),
      "state.object.x.b",
      "state.object.x.a",
    ],
    [
      "a removed object twice",
      (s) => {
        const x = s.list.pop();
        s.object.pair = [x, x];
      },
      "state.object.pair[1]",
      "state.object.pair[0]",
    ],
  ])("an alias, naming both places: %s", (_what, body, second, first) => {
    let seen: unknown;
    try {
      stateAfter(body);
    } catch (error) {
      seen = error;
    }
    expect(seen).toBeInstanceOf(StateRefusal);
    const refusal = seen as StateRefusal;
    expect(refusal.code).toBe("state-alias");
    expect(refusal.path).toBe(second);
    expect(refusal.message).toContain(first);
  });

  it("a cycle, or an object put into itself after it was taken out", () => {
    expect(() =>
      stateAfter((s) => {
        const cycle: Loose = {};
        cycle.self = cycle;
        s.object.x = cycle;
      }),
    ).toThrow("state.object.x.self");
    expect(() =>
      stateAfter((s) => {
        const x = s.list.pop();
        x.self = x;
      }),
    ).toThrow("put into itself");
    expect(() =>
      stateAfter((s) => {
        const old = s.list;
        s.list = [...old];
        s.object.old = old;
      }),
    ).toThrow("parts of this object were put elsewhere");
  });

  it("leaves an operation that catches the refusal with the state as it was", () => {
    expect(
      stateAfter((s) => {
        try {
          s.list = [s.list[0], new Money()];
        } catch {}
        s.list[0].n = 5;
      }),
    ).toMatchObject({ list: [{ n: 5 }, { n: 2 }] });
  });
});

describe("what the state takes", () => {
  it("objects that move: taken out and put in elsewhere, or replaced by a filtered list of themselves", () => {
    const after = stateAfter((s) => {
      s.list.push({ n: 3 });
      s.list = s.list.filter((item: { n: number }) => item.n > 1);
      const taken = s.list.shift();
      taken.n = 20;
      s.object.done = [taken];
      taken.late = true;
      s.list = [...s.list, { n: 4 }];
    });
    expect(after).toMatchObject({ list: [{ n: 3 }, { n: 4 }], object: { done: [{ n: 20, late: true }] } });
  });

  it("dates and bytes, copied on the way in and out; -0 as 0; NaN; null prototypes as plain objects", () => {
    const date = new Date(5);
    const bytes = new Uint8Array([1]);
    const after = stateAfter((s) => {
      Object.assign(s.object, { date, bytes, zero: -0, nan: Number.NaN, bare: Object.assign(Object.create(null), { a: 1 }) });
      date.setTime(6);
      bytes[0] = 2;
      s.object.date.setTime(7);
      s.object.bytes[0] = 3;
      s.map.set(-0, 1);
    }) as { object: { date: Date; bytes: Uint8Array; zero: number; nan: number; bare: object }; map: Map<unknown, unknown> };
    expect(after.object.date.getTime()).toBe(5);
    expect([...after.object.bytes]).toEqual([1]);
    expect(Object.is(after.object.zero, 0)).toBe(true);
    expect(after.object.nan).toBeNaN();
    expect(after.object.bare).toEqual({ a: 1 });
    expect([...after.map.keys()]).toEqual(["a", 0]);
  });

  it("keys that are names of Object.prototype, and __proto__ as key of a Map", () => {
    const after = stateAfter((s) => {
      s.object.constructor = 1;
      s.object.hasOwnProperty = 2;
      s.map.set("__proto__", 3);
    }) as { object: object; map: Map<unknown, unknown> };
    expect(Object.entries(after.object)).toEqual([
      ["constructor", 1],
      ["hasOwnProperty", 2],
    ]);
    expect(after.map.get("__proto__")).toBe(3);
  });

  it("behaves as the language's own containers: identity, spread, JSON, instanceof, destructuring", () => {
    stateAfter((s) => {
      expect(s.list[0]).toBe(s.list[0]);
      expect(s.map.get("a")).toBe(s.map.get("a"));
      expect(s.list.indexOf(s.list[1])).toBe(1);
      expect(Array.isArray(s.list)).toBe(true);
      expect(s.map instanceof Map && s.set instanceof Set).toBe(true);
      expect(JSON.stringify(s)).toBe('{"list":[{"n":1},{"n":2}],"map":{},"set":{},"object":{}}');
      expect({ ...s.list[0] }).toEqual({ n: 1 });
      expect(Object.keys(s)).toEqual(["list", "map", "set", "object"]);
      expect("list" in s).toBe(true);
      expect(new Map(s.map).size).toBe(1);
      expect(new Set(s.set).has(1)).toBe(true);
      expect(s.list.map((x: { n: number }) => x.n)).toEqual([1, 2]);
      expect(s.map.getOrInsert("b", 2)).toBe(2);
      s.set.add(2);
      const united: unknown = "union" in Set.prototype ? s.set.union(new Set([3])) : new Set([1, 2, 3]);
      expect(united).toEqual(new Set([1, 2, 3]));
      const [, second] = s.list;
      expect(second.n).toBe(2);
    });
  });
});

describe("the life of handles", () => {
  it("ends with the operation: a late use throws and touches nothing", () => {
    const journal = fresh();
    const scope = beginScope(journal, { writable: true, redo: true });
    const state = handleOf(scope, journal.root) as Loose;
    const [{ list, map, set, object }, iterator] = [state, state.map.entries()];
    endScope(scope, "has ended");
    settle(scope);
    const uses: (() => unknown)[] = [
      () => state.list,
      () => list.push(1),
      () => list.length,
      () => [...list],
      () => map.get("a"),
      () => map.set("b", 1),
      () => map.size,
      () => iterator.next(),
      () => set.add(2),
      () => [...set],
      () => (object.x = 1),
      () => delete object.x,
      () => Object.keys(object),
    ];
    const said = expect.objectContaining({ code: "state-dead-handle", message: expect.stringContaining("nothing was read or changed") });
    for (const use of uses) expect(use).toThrow(said);
    const next = beginScope(journal, { writable: true, redo: true });
    expect(() => ((handleOf(next, journal.root) as Loose).object.x = list)).toThrow(/^state\.object\.x: .*to another operation/);
    expect(plainCopy(journal.root)).toEqual(plainCopy(fresh().root));
  });

  it("gives queries handles that only read", () => {
    const journal = fresh();
    const scope = beginScope(journal, { writable: false, redo: false });
    const state = handleOf(scope, journal.root) as Loose;
    const writes: (() => unknown)[] = [
      () => (state.x = 1),
      () => delete state.list,
      () => state.list.push(1),
      () => state.list.pop(),
      () => state.list.sort(),
      () => (state.list[0].n = 2),
      () => state.map.set("b", 1),
      () => state.map.delete("a"),
      () => state.map.clear(),
      () => state.set.add(2),
    ];
    for (const write of writes) expect(write).toThrow("a query cannot change the state");
    expect(state.list[1].n).toBe(2);
  });

  it("copies results, so that nothing of the state gets out", () => {
    const journal = fresh();
    const scope = beginScope(journal, { writable: true, redo: true });
    const state = handleOf(scope, journal.root) as Loose;
    const result = copyOut({ list: state.list, again: state.list, map: state.map }) as Loose;
    state.list[0].n = 9;
    expect(result).toEqual({ list: [{ n: 1 }, { n: 2 }], again: [{ n: 1 }, { n: 2 }], map: new Map([["a", { owner: "x" }]]) });
    expect(() => copyOut({ f: () => 1 })).toThrow("result.f: a function");
    expect(() => copyOut([new Money()])).toThrow("result[0]: an instance of a class");
    expect(() => copyOut({ found: "abc".match(/b/) })).toThrow("result.found: an array with named properties");
    expect(copyOut(["abc".match(/b/g), new Array(2)])).toEqual([["b"], [undefined, undefined]]);
  });
});

describe("places in large containers", () => {
  it("S2c: holes stay open while an undo record names places in them", () => {
    const journal = createJournal(new Map(Array.from({ length: 100 }, (_, at) => [at, at])));
    const before = [...(plainCopy(journal.root) as Map<number, number>).keys()];
    const removing = (from: number, to: number) => {
      const scope = beginScope(journal, { writable: true, redo: true });
      const map = handleOf(scope, journal.root) as Map<number, number>;
      for (let key = from; key < to; key += 1) map.delete(key);
      endScope(scope, "has ended");
      return scope;
    };
    const first = removing(0, 90);
    const second = removing(95, 96);
    rollBack(second);
    rollBack(first);
    expect([...(plainCopy(journal.root) as Map<number, number>).keys()]).toEqual(before);
  });

  it("are not closed under an asynchronous operation that iterates over them", () => {
    const journal = createJournal(new Map(Array.from({ length: 100 }, (_, at) => [at, at])));
    const begin = () => beginScope(journal, { writable: true, redo: true });
    const released = begin();
    const map = handleOf(released, journal.root) as Map<number, number>;
    for (let key = 0; key < 90; key += 1) map.delete(key);
    endScope(released, "has ended");
    const running = begin();
    const iterator = (handleOf(running, journal.root) as Map<number, number>).keys();
    expect([iterator.next().value, iterator.next().value]).toEqual([90, 91]);
    settle(released);
    expect([...iterator]).toEqual([92, 93, 94, 95, 96, 97, 98, 99]);
    endScope(running, "has ended");
    settle(running);
    expect(itemCount(journal)).toBe(10);
  });
});

it("structuredClone takes no part of the state, rather than an empty Map or Set in place of a full one", () => {
  stateAfter((s) => {
    for (const part of [s.list, s.map, s.set, s.object, { inner: s.map }])
      expect(() => structuredClone(part)).toThrow("could not be cloned");
    expect(new Map(s.map).size).toBe(1);
    expect([...new Set(s.set), ...s.set.keys(), s.set.size]).toEqual([1, 1, 1]);
    expect([s.map.size, [...s.map.keys()], Object.fromEntries(s.map).a.owner]).toEqual([1, ["a"], "x"]);
    s.map.clear();
    s.set.clear();
    expect([[...s.map], [...s.set], s.map.size, s.set.size]).toEqual([[], [], 0, 0]);
  });
});

describe("code of the handler that runs in the middle of a change", () => {
  /** Runs `body`, which goes on after a refusal, on a primary, and its redo on a backup. */
  function onBoth(body: (state: Loose) => unknown): unknown {
    const [primary, backup] = [fresh(), fresh()];
    const scope = beginScope(primary, { writable: true, redo: true });
    expect(() => body(handleOf(scope, primary.root))).toThrow(StateRefusal);
    endScope(scope, "has ended");
    applyRedo(backup, redoOf(scope));
    settle(scope);
    expect(plainCopy(backup.root)).toEqual(plainCopy(primary.root));
    expect([...backup.index.keys()]).toEqual([...primary.index.keys()]);
    return plainCopy(primary.root);
  }

  it("S9: a getter of a value may read the state, not change it", () => {
    const reading = stateAfter((s) => {
      s.object.a = {
        get n() {
          return s.list.length;
        },
      };
    });
    expect(reading).toMatchObject({ object: { a: { n: 2 } } });
    const changed = onBoth(
      (s) =>
        (s.object.a = {
          get n() {
            s.list.push({ n: 3 });
            return { made: 1 };
          },
          m: { made: 2 },
        }),
    );
    expect(changed).toMatchObject({ list: [{ n: 1 }, { n: 2 }, { n: 3 }], object: {} });
  });

  it("a comparator may change anything but the array that it sorts, which would lose what came meanwhile", () => {
    const sorting = (state: Loose, meanwhile: () => void): void => {
      state.list.sort((a: Loose, b: Loose) => {
        meanwhile();
        return b.n - a.n;
      });
    };
    const sorted = stateAfter((s) =>
      sorting(s, () => {
        s.object.asked = true;
      }),
    );
    expect(sorted).toMatchObject({ list: [{ n: 2 }, { n: 1 }], object: { asked: true } });
    expect(onBoth((s) => sorting(s, () => s.list.push({ n: 0 })))).toMatchObject({ list: [{ n: 1 }, { n: 2 }, { n: 0 }] });
  });
});

/** Places that the root takes, holes included. */
function itemCount(journal: Journal): number {
  return "keys" in journal.root.data && Array.isArray(journal.root.data.keys) ? journal.root.data.keys.length : -1;
}
