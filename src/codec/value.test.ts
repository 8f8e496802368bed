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

it("S9: gives byte arrays of one kind, whatever kind of memory it reads from", () => {
  // The client gives a Buffer, which is encoded in another way than a plain byte array.
  const encoded = encodeValue([Buffer.from("text"), new Uint8Array([1])]);
  for (const bytes of [new Uint8Array(encoded), Buffer.from(encoded), Buffer.concat([Buffer.from("head"), encoded]).subarray(4)]) {
    const kinds = (decodeValue(bytes) as Uint8Array[]).map((each) => Object.getPrototypeOf(each) === Uint8Array.prototype);
    expect(kinds).toEqual([true, true]);
  }
});

it("keys are keys, whatever the encoder might take them for", () => {
  for (const value of [
    { constructor: 1, toJSON: 1 },
    { constructor: "x", toJSON: null, valueOf: 1, length: 2 },
    Object.assign(Object.create(null), { toJSON: "text" }),
  ])
    expect(decodeValue(encodeValue({ inside: value }))).toEqual({ inside: { ...value } });
});
