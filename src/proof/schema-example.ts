import type { ExampleDraw } from "../service/example.js";
import type { StandardSchema } from "../service/schema.js";

/** What a schema says of itself as JSON Schema (standardschema.dev, "Standard JSON Schema"), or null where it does not. */
export function jsonSchemaOf(schema: StandardSchema): unknown {
  const standard: object = schema["~standard"];
  const converter: unknown = "jsonSchema" in standard ? standard.jsonSchema : undefined;
  if (typeof converter !== "object" || converter === null || !("input" in converter) || typeof converter.input !== "function") return null;
  try {
    return converter.input({ target: "draft-2020-12" });
  } catch {
    // What cannot be said in JSON: a Map, a Date, a transformation.
    return null;
  }
}

/** Few different ones, so that calls meet one another. */
const WORDS = ["a", "b", "c", "d", ""];
const DEPTH_MAX = 6;

/** A value that the schema may well accept; whoever asks has it validated. */
export function drawFromSchema(schema: unknown, draw: ExampleDraw, depth = 0): unknown {
  if (!isObject(schema) || depth > DEPTH_MAX) return null;
  if ("const" in schema) return schema.const;
  if (isList(schema.enum)) return draw.pick(schema.enum);
  const either = schema.anyOf ?? schema.oneOf;
  if (isList(either)) return drawFromSchema(draw.pick(either), draw, depth + 1);
  const type: unknown = Array.isArray(schema.type) ? draw.pick(schema.type) : schema.type;
  switch (type) {
    case "object":
      return drawObject(schema, draw, depth);
    case "array":
      return drawArray(schema, draw, depth);
    case "string":
      return drawText(schema, draw);
    case "integer":
      return draw.integer(...rangeOf(schema, 1));
    case "number":
      return drawNumber(schema, draw);
    case "boolean":
      return draw.happens(0.5);
    default:
      return null;
  }
}

type Schema = Readonly<Record<string, unknown>>;

function drawObject({ properties, required, additionalProperties }: Schema, draw: ExampleDraw, depth: number): object {
  const entries: [string, unknown][] = [];
  const wanted = Array.isArray(required) ? required : [];
  for (const [name, schema] of isObject(properties) ? Object.entries(properties) : [])
    if (wanted.includes(name) || draw.happens(0.5)) entries.push([name, drawFromSchema(schema, draw, depth + 1)]);
  if (isObject(additionalProperties) && !isObject(properties))
    for (let count = draw.integer(0, 3); count > 0; count -= 1)
      entries.push([draw.pick(WORDS), drawFromSchema(additionalProperties, draw, depth + 1)]);
  return Object.fromEntries(entries);
}

function drawArray({ items, prefixItems, minItems, maxItems }: Schema, draw: ExampleDraw, depth: number): unknown[] {
  if (isList(prefixItems)) return prefixItems.map((item) => drawFromSchema(item, draw, depth + 1));
  const low = numberOr(minItems, 0);
  const length = draw.integer(low, Math.min(numberOr(maxItems, low + 3), low + 3));
  return Array.from({ length }, () => drawFromSchema(items, draw, depth + 1));
}

function drawText({ format, minLength, maxLength }: Schema, draw: ExampleDraw): string {
  const digits = draw.integer(0, 9);
  if (format === "uuid") return `00000000-0000-4000-8000-00000000000${digits}`;
  if (format === "email") return `user${digits}@example.org`;
  if (format === "uri") return `https://example.org/${digits}`;
  if (format === "date-time") return `2026-01-0${Math.max(1, digits)}T00:00:00Z`;
  if (format === "date") return `2026-01-0${Math.max(1, digits)}`;
  return draw.pick(WORDS).padEnd(numberOr(minLength, 0), "x").slice(0, numberOr(maxLength, 100));
}

function drawNumber(schema: Schema, draw: ExampleDraw): number {
  const [low, high] = rangeOf(schema, 0);
  return draw.happens(0.5) ? Math.min(high, Math.ceil(low) + draw.integer(0, 10)) : low + draw.unit() * (high - low);
}

const SPAN = 20;

/** `step`: how far an exclusive bound is from the next value. */
function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema, step: number): [number, number] {
  const low = typeof exclusiveMinimum === "number" ? exclusiveMinimum + step : minimum;
  const high = typeof exclusiveMaximum === "number" ? exclusiveMaximum - step : maximum;
  // Whole numbers have the bounds of safe ones as their own: those say nothing of what is meant.
  const isMeant = (bound: unknown): bound is number => typeof bound === "number" && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isMeant(low)) return [low, isMeant(high) ? Math.max(low, high) : low + SPAN];
  return isMeant(high) ? [high - SPAN, high] : [-SPAN / 2, SPAN];
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}
