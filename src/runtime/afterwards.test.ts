import { expect, test } from "vitest";
import { createAfterwards } from "./afterwards.js";

test("what can wait is done in a later turn, in order and at once", async () => {
  const done: (readonly number[])[] = [];
  const afterwards = createAfterwards<number>((items) => void done.push(items));
  afterwards([]);
  afterwards([1, 2]);
  await Promise.resolve();
  afterwards([3]);
  expect(done).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual([[1, 2, 3]]);
  afterwards([4]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual([[1, 2, 3], [4]]);
});
