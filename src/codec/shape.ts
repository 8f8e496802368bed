/**
 * Checks of decoded values against the vocabulary's types. A shape is a type guard; `object` asks for one for each field of the type, so a
 * field that is added to a message and not to its shape does not compile.
 */
export type Shape<T> = (value: unknown) => value is T;

export const text: Shape<string> = (value): value is string => typeof value === "string";
export const flag: Shape<boolean> = (value): value is boolean => typeof value === "boolean";
export const real: Shape<number> = (value): value is number => typeof value === "number" && Number.isFinite(value);
export const bytes: Shape<Uint8Array> = (value): value is Uint8Array => value instanceof Uint8Array;
/** A safe integer from 0. */
export const count: Shape<number> = (value): value is number => Number.isSafeInteger(value) && typeof value === "number" && value >= 0;

/** A branded string, or a text of a certain form. */
export function textOf<T extends string>(accepts: (text: string) => boolean): Shape<T> {
  return (value): value is T => typeof value === "string" && accepts(value);
}

export function literal<const T extends string | number | boolean | null>(...allowed: readonly T[]): Shape<T> {
  return (value): value is T => allowed.some((candidate) => candidate === value);
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value): value is T | null => value === null || shape(value);
}

let itemsLeft = Number.POSITIVE_INFINITY;

/**
 * Checks what was decoded from so many bytes. A value may hold one object in many places: lists of the same list, in a frame of some
 * kilobytes, would be looked at for hours. What came without such tricks has no more items than bytes.
 */
export function fitsIn<T>(sizeBytes: number, shape: Shape<T>, value: unknown): value is T {
  itemsLeft = sizeBytes;
  const fits = shape(value);
  itemsLeft = Number.POSITIVE_INFINITY;
  return fits;
}

function mayHold(itemCount: number): boolean {
  itemsLeft -= itemCount;
  return itemsLeft >= 0;
}

export function arrayOf<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && mayHold(value.length) && value.every((item) => shape(item));
}

export function tuple<T extends readonly unknown[]>(...shapes: { readonly [K in keyof T]: Shape<T[K]> }): Shape<T> {
  return (value): value is T =>
    Array.isArray(value) && value.length === shapes.length && shapes.every((shape, at) => (shape as Shape<unknown>)(value[at]));
}

/** Optional fields of T may be absent. */
export function object<T extends object>(
  fields: { readonly [K in keyof T]-?: Shape<Exclude<T[K], undefined>> },
  optional: readonly (keyof T)[] = [],
): Shape<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return (value): value is T => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const given = value as Partial<Record<keyof T, unknown>>;
    for (const name of names) {
      if (given[name] === undefined && optional.includes(name)) continue;
      if (!(fields[name] as Shape<unknown>)(given[name])) return false;
    }
    return true;
  };
}

export function recordOf<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value): value is Readonly<Record<string, T>> => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const items: unknown[] = Object.values(value);
    return mayHold(items.length) && items.every((item) => shape(item));
  };
}

/** One shape for each `kind` of a union. */
export function union<T extends { readonly kind: string }>(
  shapes: { readonly [K in T["kind"]]: Shape<Extract<T, { readonly kind: K }>> },
): Shape<T> {
  return (value): value is T => {
    if (typeof value !== "object" || value === null || !("kind" in value)) return false;
    const kind = value.kind;
    if (typeof kind !== "string" || !Object.hasOwn(shapes, kind)) return false;
    return (shapes as Readonly<Record<string, Shape<unknown>>>)[kind]?.(value) === true;
  };
}
