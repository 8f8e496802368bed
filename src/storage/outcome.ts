/**
 * S5d: said, never repaired. `unsupported`: nothing is damaged, but another release has written it, and what this one does not understand
 * it must not set aside either.
 */
export interface Damage {
  readonly kind: "damaged" | "unsupported";
  /** A file, and where in it. */
  readonly where: string;
  readonly what: string;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly damage: Damage };

export function damaged(where: string, what: string): { readonly ok: false; readonly damage: Damage } {
  return { ok: false, damage: { kind: "damaged", where, what } };
}

/** What was found wrong with a piece of a file, in words that complete "the file is ...: ". */
export interface Problem {
  readonly what: string;
  readonly isUnsupported: boolean;
}

/** `name` is the file's kind, for people. */
export function problemFound(where: string, name: string, problem: Problem): { readonly ok: false; readonly damage: Damage } {
  if (!problem.isUnsupported) return damaged(where, `${name} is damaged: ${problem.what}`);
  return { ok: false, damage: { kind: "unsupported", where, what: `${name} was written by another release: ${problem.what}` } };
}

export function versionProblem(version: number, ...known: readonly number[]): Problem {
  const read = `version${known.length === 1 ? "" : "s"} ${known.join(" and ")}`;
  return { what: `it has format version ${version}; this release reads ${read}`, isUnsupported: true };
}
