import { expect, it } from "vitest";
import { decodeValue, encodeValue } from "./value.js";

it("gives back what it was given", () => {
  const value = { text: "t", list: [1, undefined, null], map: new Map([["k", new Set([1n])]]), bytes: new Uint8Array([1, 2]) };
  expect(decodeValue(encodeValue(value))).toEqual(value);
});

it("refuses functions and symbols, inside a value too, rather than make something else of them", () => {
  for (const value of [() => 1, { inside: () => 1 }, [Symbol("s")], new Map([["k", () => 1]])])
    expect(() => encodeValue(value)).toThrow(/function|symbol/i);
  // What failed leaves nothing behind.
  expect(decodeValue(encodeValue({ after: true }))).toEqual({ after: true });
});
