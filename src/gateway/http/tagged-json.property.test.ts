import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeValue, encodeValue } from "../../codec/value.js";
import { fromJson, toJson } from "./tagged-json.js";

const value = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(null, undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0),
    fc.boolean(),
    fc.double(),
    fc.string(),
    fc.bigInt(),
    fc.date(),
    fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
  ),
  any: fc.oneof(
    { depthSize: "small" },
    tie("leaf"),
    fc.array(tie("any")),
    fc
      .dictionary(
        fc.string().filter((key) => key !== "__proto__"),
        tie("any"),
      )
      .map((record) => ({ ...record })),
    fc.array(tie("any")).map((values) => new Set(values)),
    fc.array(fc.tuple(tie("leaf"), tie("any"))).map((entries) => new Map(entries)),
    tie("any").map((each) => ({ $troupe: each })),
  ),
})).any;

it("every value comes back from its JSON form", () => {
  fc.assert(
    fc.property(value, (each) => {
      expect(fromJson(JSON.parse(JSON.stringify(toJson(each))))).toStrictEqual(each);
    }),
  );
});

it("a key __proto__ is refused in words, wherever it is, and changes no prototype", () => {
  for (const text of ['{"__proto__":{"polluted":1}}', '[{"a":{"__proto__":null}}]', '{"$troupe":"object","value":{"__proto__":1}}'])
    expect(() => fromJson(JSON.parse(text))).toThrow(/__proto__/);
  expect(Reflect.get({}, "polluted")).toBeUndefined();
});

it("what only looks like a tagged form is refused, and so is bottomless nesting", () => {
  for (const text of ['{"$troupe":"nope"}', '{"$troupe":"map","entries":[[1]]}', '{"$troupe":"bigint","value":"1.5"}', '{"$troupe":1}'])
    expect(() => fromJson(JSON.parse(text))).toThrow(/tagged forms/);
  expect(() => fromJson(JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`))).toThrow(/nested more than/);
});

it("what the codec carries and JSON cannot hold has a form", () => {
  const carried = decodeValue(encodeValue(new Map([["a", new Set([1n])]])));
  expect(toJson(carried)).toEqual({ $troupe: "map", entries: [["a", { $troupe: "set", values: [{ $troupe: "bigint", value: "1" }] }]] });
});

it("bytes and dates that would be read as others are refused, and every way to write base64 is taken", () => {
  const read = (tag: string, value: unknown) => fromJson({ $troupe: tag, value });
  for (const text of ["aGk=", "aGk"]) expect(read("bytes", text)).toEqual(new Uint8Array([104, 105]));
  for (const text of ["+/8=", "-_8", "-_8="]) expect(read("bytes", text)).toEqual(new Uint8Array([0xfb, 0xff]));
  expect(read("bytes", "")).toEqual(new Uint8Array());
  for (const text of ["!!!", "aGk=aGk=", "aG k=", "a", "aGl"]) expect(() => read("bytes", text)).toThrow(/tagged forms/);
  for (const text of ["2026-01-31", "2026-01-31T12:00Z", "2026-01-31T12:00:00.5+01:00", "+012026-01-31T12:00:00.000Z"])
    expect(read("date", text)).toEqual(new Date(text));
  for (const text of ["yesterday", "", "2026-13-01", "2026-01-31T12:00:00", "2026-01-31 12:00", "1", "31 Jan 2026 GMT"])
    expect(() => read("date", text)).toThrow(/tagged forms/);
});
