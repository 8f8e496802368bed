import { describe, expect, it } from "vitest";
import { checkFaithful } from "./faithful.js";
import { decodeValue, encodeValue } from "./value.js";

class Account {
  readonly owner = "ann";
}
class OwnList extends Array<number> {}
class OwnError extends Error {
  override readonly name = "OwnError";
}
class OwnMap extends Map<string, number> {}

const itself: { self?: unknown } = {};
itself.self = itself;
const twice = { x: 1 };

describe("what comes back as it was is taken", () => {
  it.each<[string, unknown]>([
    ["plain data", { text: "a", list: [1, null, undefined, true], at: { big: 1n } }],
    ["an object without prototype", Object.assign(Object.create(null), { x: 1 })],
    ["Maps and Sets", new Map<unknown, unknown>([[{ id: 1 }, new Set(["a"])]])],
    ["dates and bytes", [new Date(0), new Uint8Array([1]), new ArrayBuffer(1), new Float64Array([1])]],
    ["an error and a pattern", [new TypeError("no", { cause: { at: 1 } }), /a/g]],
    ["whole pairs", "\u{1f600}"],
    ["what refers to itself", itself],
    ["the same object twice", [twice, twice]],
  ])("%s", (_, value) => {
    expect(() => checkFaithful(value, "the input")).not.toThrow();
    expect(decodeValue(encodeValue(value))).toEqual(value);
  });

  it("a Buffer as well, as the plain byte array that it is on every replica", () => {
    expect(() => checkFaithful(Buffer.from("b"), "the input")).not.toThrow();
    expect(decodeValue(encodeValue(Buffer.from("b")))).toStrictEqual(new Uint8Array([98]));
  });
});

describe("what would arrive as something else is refused, with its place", () => {
  it.each<[string, unknown, string]>([
    ["half a pair", "\ud800", "the input has half of a surrogate pair"],
    ["half a pair inside", { list: ["a", "b\udc00"] }, "the input.list[1] has half of a surrogate pair"],
    ["half a pair as a key", { at: { "\ud83d": 1 } }, "the input.at has a key with half of a surrogate pair"],
    ["half a pair in a Map", { map: new Map([["\ud800", 1]]) }, "the input.map (a key) has half of a surrogate pair"],
    ["half a pair in a Map's value", new Map([["a", "\ud800"]]), "the input.get(...) has half of a surrogate pair"],
    ["half a pair in a Set", new Set(["\ud800"]), "the input (a member) has half of a surrogate pair"],
    ["__proto__", JSON.parse('{"__proto__": 1}'), "the input has the key __proto__"],
    ["an instance", { account: new Account() }, "the input.account is an instance of Account"],
    ["a Map of one's own", new OwnMap([["a", 1]]), "the input is an instance of OwnMap"],
    ["a Promise", { balance: Promise.resolve(1) }, "the input.balance is a Promise that was not awaited"],
    ["a boxed number", [Object(5)], "the input[0] is an instance of Number"],
    ["a symbol as a key", { at: { [Symbol("id")]: 1 } }, "the input.at has a symbol as a key"],
    ["an array with a field", { match: "abc".match(/b/) }, "the input.match has a field index of its own"],
    ["an array of one's own", new OwnList(), "the input is an instance of OwnList"],
    ["an error of one's own", new OwnError("no"), "the input is an instance of OwnError"],
    ["an error with fields", Object.assign(new Error("no"), { code: "E1" }), "the input has a field code of its own"],
    ["an error because of an instance", new Error("no", { cause: new Account() }), "the input.cause is an instance of Account"],
  ])("%s", (_, value, message) => {
    expect(() => checkFaithful(value, "the input")).toThrow(message);
    expect(decodeValue(encodeValue(value))).not.toStrictEqual(value);
  });
});

it("fields of a Map or a Set, which no comparison looks at, are refused as well", () => {
  for (const value of [new Map(), new Set()])
    expect(() => checkFaithful({ at: Object.assign(value, { owner: "ann" }) }, "the input")).toThrow(
      "the input.at has a field owner of its own",
    );
});
