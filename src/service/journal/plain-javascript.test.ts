import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import { copyOut, plainCopy } from "./copy-out.js";
import { applyRedo, beginScope, createJournal, endScope, redoOf, rollBack } from "./journal.js";
import { orderedText } from "./random-program.test-fixture.js";
import { handleOf } from "./scope.js";

// biome-ignore lint/suspicious/noExplicitAny: the same code runs on handles and on plain data
type Loose = any;

const initial = (): Loose => ({
  list: [{ n: 3 }, { n: 1 }, { n: 2 }],
  words: ["b", "a", "c"],
  numbers: [5, 1, 10, 2, Number.NaN, undefined, null],
  nested: [
    [1, 2],
    [3, [4]],
  ],
  map: new Map<unknown, unknown>([
    ["a", { n: 1 }],
    ["b", { n: 2 }],
    [1, "one"],
    [Number.NaN, "nan"],
  ]),
  set: new Set<unknown>(["p", 1, Number.NaN, null]),
  object: { z: 1, a: 2, "10": "ten", "2": "two" },
  deep: { x: { y: { z: [1] } } },
  none: [],
});

const programs: Readonly<Record<string, (s: Loose) => unknown>> = {
  "an iterator over a Map that a loop has left goes on": (s) => {
    const iterator = s.map.keys();
    for (const key of iterator) if (key === "b") break;
    return [...iterator];
  },
  "an iterator over a Set that a loop has left goes on": (s) => {
    const iterator = s.set.values();
    for (const _ of iterator) break;
    return [...iterator];
  },
  "destructuring an iterator twice": (s) => {
    const iterator = s.map.values();
    const [first] = iterator;
    const [second] = iterator;
    return [first, second];
  },
  "an iterator that has ended does not begin again": (s) => {
    const iterator = s.set.entries();
    const all = [...iterator];
    s.set.add("late");
    return [all, iterator.next()];
  },
  "an iterator made before a clear": (s) => {
    const iterator = s.set.values();
    s.set.clear();
    s.set.add(5);
    return [...iterator];
  },
  "a Map that is cleared and filled while a loop runs": (s) => {
    const seen: unknown[] = [];
    for (const [key] of s.map) {
      seen.push(key);
      if (seen.length === 2) s.map.clear();
      if (seen.length < 4) s.map.set(`new ${seen.length}`, 0);
    }
    return seen;
  },
  "a Set whose members are moved to the end while a loop runs": (s) => {
    const seen: unknown[] = [];
    for (const member of s.set) {
      seen.push(member);
      if (seen.length === 9) break;
      s.set.delete(member);
      s.set.add(member);
    }
    return seen;
  },
  "names of the iterators and containers": (s) => [
    String(s.map.keys()),
    String(s.set.entries()),
    ...[s.map, s.set, s.list, s.object].map((each) => Object.prototype.toString.call(each)),
  ],
  constructors: (s) => [
    s.map.constructor === Map,
    s.set.constructor === Set,
    new s.map.constructor([[1, 2]]).size,
    s.object.constructor === Object,
  ],
  "comparison by node:util": (s) => {
    s.object.one = new Map([[1, { n: 1 }]]);
    s.object.same = new Map([[1, { n: 1 }]]);
    s.object.other = new Map([[2, { n: 1 }]]);
    const { one, same, other } = s.object;
    return [isDeepStrictEqual(one, same), isDeepStrictEqual(one, other), isDeepStrictEqual(s.list, [{ n: 3 }, { n: 1 }, { n: 2 }])];
  },
  "an object that has a part of the state as prototype": (s) => {
    const view = Object.create(s.object);
    view.z = 5;
    view.own = 1;
    return [view.a, Object.keys(view)];
  },
  "an array as prototype": (s) => {
    const view = Object.create(s.words);
    view.length = 0;
    view[0] = "x";
    return [view.length, s.words.length];
  },
  "a Proxy around a part of the state": (s) => {
    const [object, words] = [new Proxy(s.object, {}), new Proxy(s.words, {})];
    object.z = 8;
    object.late = 1;
    words.push("d");
    words[0] = "x";
    words[words.length] = "e";
    return [object.z, Object.keys(object), words];
  },
  "Reflect.set with another receiver": (s) => {
    const receiver: Loose = {};
    return [Reflect.set(s.object, "z", 9, receiver), receiver];
  },
  "defineProperty of a property that is there": (s) => Object.keys(Object.defineProperty(s.object, "z", { value: 9 })),
  "swap with pop": (s) => {
    s.list[0] = s.list.pop();
    s.list[1] = s.list.pop();
    return s.list;
  },
  "moving within one array": (s) => s.list.splice(2, 0, s.list.splice(0, 1)[0]),
  "moving all to another": (s) => s.none.push(...s.list.splice(0)),
  "wrapping what is there": (s) => {
    s.list = s.list.map((item: Loose) => ({ item, m: item.n * 2 }));
    const [first] = s.list;
    return first.item === s.list[0].item;
  },
  "copies with other items": (s) => {
    s.words = s.words.with(-1, "q").toSorted().toSpliced(1, 1).concat(s.words);
    s.list = s.list.toSorted((a: Loose, b: Loose) => a.n - b.n).toReversed();
    s.nested = s.nested.flat();
  },
  "sorting by text, and with comparators that contradict themselves": (s) => [
    s.numbers.sort(),
    s.nested.sort(),
    s.words.sort(() => 1),
    s.words.sort((a: Loose, b: Loose) => a > b),
  ],
  "methods of arrays without arguments, or with odd ones": (s) => [
    s.words.splice(),
    s.words.push(),
    s.words.splice(0, undefined),
    s.words.splice("1", "1"),
    s.words.splice(9, 1, "end"),
    s.words.copyWithin(0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    s.words.fill("f", undefined, 1),
    s.none.pop(),
    s.none.shift(),
    s.words.at(-1),
    s.words[-1],
  ],
  "methods called on a part of the state, or bound to it": (s) => {
    Array.prototype.push.apply(s.words, ["x", "y"]);
    const set = s.map.set.bind(s.map);
    return [set("bound", 1).size, Array.prototype.map.call(s.words, String), Array.prototype.slice.call(s.list, 1)];
  },
  "loops that change what they go over": (s) => {
    const seen: unknown[] = [];
    for (const word of s.words) {
      seen.push(word);
      s.words.shift();
    }
    s.numbers.forEach(() => {
      s.numbers.push(0);
    });
    for (const key in s.object) {
      seen.push(key);
      delete s.object.z;
    }
    return seen;
  },
  "grouping, entries, rest": (s) => {
    const { z, ...rest } = s.object;
    const [first, ...others] = s.words;
    return [z, rest, first, others, Object.entries(s.object), Object.fromEntries(s.map), Array.from(s.words.entries()), { ...s.deep }];
  },
  "destructuring into the state": (s) => {
    [s.words[0], s.words[1]] = [s.words[1], s.words[0]];
    ({ a: s.object.z, b: s.object.late = 5 } = { a: 4 } as Loose);
  },
  "descriptors and names": (s) => [
    Object.getOwnPropertyDescriptor(s.object, "z"),
    Object.getOwnPropertyDescriptor(s.words, "length"),
    Reflect.ownKeys(s.words),
    Object.hasOwn(s.object, "toString"),
    "toString" in s.object,
    Object.isFrozen(s.object),
  ],
  "keys that are no primitives, or none at all": (s) => [
    s.map.has({}),
    s.map.get(s.list),
    s.map.delete([]),
    s.set.has(s.list),
    s.map.get(),
  ],
  "JSON and text": (s) => [JSON.stringify(s), JSON.stringify(s.object, ["z"]), `${s.words}`, s.nested.toString(), String(s.object)],
  "classes around the state": (s) => {
    class Counter {
      readonly #at: Loose;
      constructor(at: Loose) {
        this.#at = at;
      }
      count() {
        this.#at.n += 1;
        return this.#at;
      }
    }
    return new Counter(s.list[0]).count() === s.list[0];
  },
  "generators over the state": (s) => {
    function* each() {
      for (const item of s.list) yield item.n;
    }
    return [...each()];
  },
};

/** What it gives, or that it throws: of both sides the same. */
function outcomeOf(program: (s: Loose) => unknown, root: unknown, copy: (value: unknown) => unknown): string {
  try {
    return orderedText(copy(program(root)));
  } catch (error) {
    return `throws ${error instanceof Error ? error.message : "something"}`;
  }
}

it.each(Object.entries(programs))("does the same on the state as on plain data: %s", (_what, program) => {
  const oracle = initial();
  const expected = outcomeOf(program, oracle, (value) => value);
  const [journal, backup] = [createJournal(initial()), createJournal(initial())];
  const before = orderedText(plainCopy(journal.root));
  const scope = beginScope(journal, { writable: true, redo: true });
  expect(outcomeOf(program, handleOf(scope, journal.root), copyOut)).toBe(expected);
  const redo = redoOf(scope);
  endScope(scope, "has ended");
  expect(orderedText(plainCopy(journal.root))).toBe(orderedText(oracle));
  applyRedo(backup, redo);
  expect(orderedText(plainCopy(backup.root))).toBe(orderedText(oracle));
  rollBack(scope);
  expect(orderedText(plainCopy(journal.root))).toBe(before);
});

it("refuses a new property that would be hidden or read-only, since the state has none such", () => {
  const journal = createJournal(initial());
  const state: Loose = handleOf(beginScope(journal, { writable: true, redo: true }), journal.root);
  for (const given of [{ value: 1 }, { value: 1, enumerable: true, writable: true }])
    expect(() => Object.defineProperty(state.object, "late", given)).toThrow("only plain properties");
  expect(() => Object.defineProperty(state.words, 3, { value: "d" })).toThrow("only plain properties");
  expect(
    Object.keys(Object.defineProperty(state.object, "late", { value: 1, enumerable: true, writable: true, configurable: true })),
  ).toContain("late");
});
