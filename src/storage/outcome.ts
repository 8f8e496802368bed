/** S5d: said, never repaired. */
export interface Damage {
  /** A file, and where in it. */
  readonly where: string;
  readonly what: string;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly damage: Damage };

export function damaged(where: string, what: string): { readonly ok: false; readonly damage: Damage } {
  return { ok: false, damage: { where, what } };
}
