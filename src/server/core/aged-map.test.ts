import { expect, test } from "vitest";
import { addNewest, createAgedMap, entriesOf, PART_SIZE_MAX, removeOldest, lookUp } from "./aged-map.js";

test("entries are found by name, in the order in which they came, over the parts", () => {
  const map = createAgedMap<number>();
  const count = 2 * PART_SIZE_MAX + 10;
  for (let at = 0; at < count; at++) addNewest(map, `k${at}`, at + 1);
  expect(map.size).toBe(count);
  expect(Math.max(...map.parts.map((part) => part.size))).toBe(PART_SIZE_MAX);
  expect([0, PART_SIZE_MAX, count - 1].map((at) => lookUp(map, `k${at}`))).toEqual([1, PART_SIZE_MAX + 1, count]);
  expect(lookUp(map, "other")).toBeUndefined();
  let at = 0;
  for (const [name, value] of entriesOf(map)) {
    if (name !== `k${at}` || value !== at + 1) expect.unreachable(`${name} at ${at}`);
    at += 1;
  }
  expect(at).toBe(count);
});

test("who walks through it meets what is added, not what is removed, where whole parts go under him as well", () => {
  const map = createAgedMap<number>();
  const count = 2 * PART_SIZE_MAX + 3;
  for (let at = 0; at < count; at++) addNewest(map, `k${at}`, at + 1);
  const walk = entriesOf(map);
  expect(walk.next().value).toEqual(["k0", 1]);
  for (let at = 0; at < PART_SIZE_MAX + 7; at++) removeOldest(map, `k${at}`);
  addNewest(map, "last", 0);
  const names = [...walk].map(([name]) => name);
  expect(names.slice(0, 2)).toEqual([`k${PART_SIZE_MAX + 7}`, `k${PART_SIZE_MAX + 8}`]);
  expect(names.at(-1)).toBe("last");
  expect(names).toHaveLength(count - PART_SIZE_MAX - 7 + 1);
  expect(map.size).toBe(names.length);
});

test("empties, and goes on; only what came first can go", () => {
  const map = createAgedMap<number>();
  for (let round = 0; round < 3; round++) {
    addNewest(map, "a", 1);
    addNewest(map, "b", 2);
    removeOldest(map, "a");
    removeOldest(map, "b");
    expect(map.size).toBe(0);
    expect([...entriesOf(map)]).toEqual([]);
  }
  expect(() => removeOldest(map, "a")).toThrow("not among the oldest");
});
