import { isWholeText } from "../../codec/text.js";

/**
 * Values in JSON. What JSON cannot hold is an object with the key `$troupe` (docs/reference/http.md): Maps, Sets, dates, bigints, bytes,
 * numbers that are not finite, undefined. An object that has a key `$troupe` of its own is wrapped as `{"$troupe":"object","value":...}`.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const TAG = "$troupe";
const DEPTH_MAX = 200;

/** Throws a TypeError on what has no form at all (functions, symbols). */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  switch (typeof value) {
    case "undefined":
      return { [TAG]: "undefined" };
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [TAG]: "number", value: Object.is(value, -0) ? "-0" : String(value) };
    case "bigint":
      return { [TAG]: "bigint", value: value.toString() };
    case "object":
      return objectToJson(value);
    default:
      throw new TypeError(`a ${typeof value} has no form in JSON`);
  }
}

function objectToJson(value: object): Json {
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map) return { [TAG]: "map", entries: [...value].map(([key, each]) => [toJson(key), toJson(each)]) };
  if (value instanceof Set) return { [TAG]: "set", values: [...value].map(toJson) };
  if (value instanceof Date) return { [TAG]: "date", value: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { [TAG]: "bytes", value: bytes.toString("base64") };
  }
  if (value instanceof ArrayBuffer) return { [TAG]: "bytes", value: Buffer.from(value).toString("base64") };
  const plain = plainToJson(value);
  return Object.hasOwn(value, TAG) ? { [TAG]: "object", value: plain } : plain;
}

function plainToJson(value: object): { readonly [key: string]: Json } {
  const entries = Object.entries(value).map(([key, each]): [string, Json] => [key, toJson(each)]);
  // fromEntries defines properties: a key `__proto__` stays a key.
  return Object.fromEntries(entries);
}

/** The value that a parsed JSON text stands for. Throws a TypeError that says where and what is wrong. */
export function fromJson(json: unknown): unknown {
  return readAny(json, "the body", 0);
}

function readAny(json: unknown, place: string, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new TypeError(`${place.slice(0, 100)}... is nested more than ${DEPTH_MAX} deep`);
  if (typeof json === "string" && !isWholeText(json))
    throw new TypeError(`${place} has half of a surrogate pair, which cannot be stored as text`);
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map((each, index) => readAny(each, `${place}[${index}]`, depth + 1));
  if (Object.hasOwn(json, TAG)) return readTagged(json as Readonly<Record<string, unknown>>, place, depth);
  return readPlain(json, place, depth);
}

function readPlain(json: object, place: string, depth: number): unknown {
  const entries = Object.entries(json).map(([key, each]): [string, unknown] => {
    if (key === "__proto__") throw new TypeError(`${place} has the key __proto__, which no value may have; rename it`);
    if (!isWholeText(key)) throw new TypeError(`${place} has a key with half of a surrogate pair, which cannot be stored as text`);
    return [key, readAny(each, `${place}.${key}`, depth + 1)];
  });
  return Object.fromEntries(entries);
}

function readTagged(json: Readonly<Record<string, unknown>>, place: string, depth: number): unknown {
  const { value, entries, values } = json;
  switch (json[TAG]) {
    case "undefined":
      return undefined;
    case "object":
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return readPlain(value, place, depth + 1);
      break;
    case "number":
      if (value === "NaN" || value === "Infinity" || value === "-Infinity" || value === "-0") return Number(value);
      break;
    case "bigint":
      if (typeof value === "string" && /^-?\d{1,10000}$/.test(value)) return BigInt(value);
      break;
    case "date":
      if (value === null) return new Date(Number.NaN);
      if (typeof value === "string" && isDate(value)) return new Date(value);
      break;
    case "bytes":
      if (typeof value === "string" && isBase64(value)) return new Uint8Array(Buffer.from(value, "base64"));
      break;
    case "set":
      if (Array.isArray(values)) return new Set(values.map((each, index) => readAny(each, `${place}.values[${index}]`, depth + 1)));
      break;
    case "map":
      if (Array.isArray(entries) && entries.every(isPair))
        return new Map(
          entries.map(([key, each]) => [readAny(key, `${place} (a key)`, depth + 1), readAny(each, `${place} (a value)`, depth + 1)]),
        );
      break;
  }
  throw new TypeError(`${place} has the key $troupe, but is none of the tagged forms of docs/reference/http.md`);
}

/** A day, or a moment whose zone is named: what stands for another moment on another machine is none. */
function isDate(text: string): boolean {
  return (
    /^(?:[+-]\d{6}|\d{4})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}

/** In either alphabet, padded or not. What the decoder does not know it passes over: the bytes would be others, and nobody would hear of it. */
function isBase64(text: string): boolean {
  const bare = text
    .replace(/={1,2}$/, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  return Buffer.from(bare, "base64").toString("base64").replace(/=+$/, "") === bare;
}

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}
