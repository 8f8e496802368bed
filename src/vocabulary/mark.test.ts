import { expect, it } from "vitest";
import { isMarked, mark } from "./mark.js";

it("an error is what it was marked as, and nothing else is", () => {
  const error = new Error("no");
  mark(error, "refusal");
  expect([isMarked(error, "refusal"), isMarked(error, "other"), isMarked(new Error("no"), "refusal"), isMarked(null, "refusal")]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(Object.keys(error)).toEqual([]);
});
