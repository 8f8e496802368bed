import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/explore/digest.js";
import { copyOf, freeze } from "../../src/explore/plain-data.js";

describe("copies", () => {
  test("share nothing that changes, and what was one object stays one", () => {
    const item = { words: ["a"] };
    const before = { pending: new Map([["x", item]]), line: [item, undefined], bytes: Uint8Array.of(1), names: new Set(["n"]) };
    const after = copyOf(before);
    expect(after).toEqual(before);
    expect(after.line[0]).toBe(after.pending.get("x"));
    after.line[0]?.words.push("b");
    after.names.add("m");
    expect(item.words).toEqual(["a"]);
    expect(before.names.size).toBe(1);
  });

  test("share what is frozen", () => {
    const fixed = freeze({ deep: { list: [1] } });
    expect(copyOf({ fixed }).fixed).toBe(fixed);
    expect(Object.isFrozen(fixed.deep.list)).toBe(true);
  });
});

function textOf(value: unknown): string {
  const { high, low } = digestOf(value);
  return `${high}.${low}`;
}

test("digests tell different data apart, and say the same of equal data", () => {
  const different = [
    null,
    undefined,
    false,
    true,
    0,
    0.5,
    Number.POSITIVE_INFINITY,
    "0",
    "",
    [0],
    ["0"],
    [0, 0],
    { a: 0 },
    { b: 0 },
    new Map([["a", 0]]),
    new Map([[0, 0]]),
    new Set([0]),
    Uint8Array.of(0),
    [],
    {},
    [[]],
    freeze({ a: 0, b: 0 }),
    freeze({ a: { b: 0 } }),
  ];
  expect(new Set(different.map(textOf)).size).toBe(different.length);
  const make = () => ({ a: [1, new Map([["k", Uint8Array.of(2)]])], fixed: freeze({ deep: [freeze({ x: 1 })] }) });
  expect(textOf(make())).toBe(textOf(make()));
});
