/** Who executes, and what the log holds (DESIGN section 5). */
export type Style = "active" | "warm-passive";
export const STYLES: readonly Style[] = ["active", "warm-passive"];

/** `disk`: persisted means fsync'd. `memory`: persisted means received. Fixed when the group is made. */
export type Durability = "disk" | "memory";
export const DURABILITIES: readonly Durability[] = ["disk", "memory"];

export type QuorumRule = "majority" | "all";

/** w of n: a majority for n >= 3, all for n <= 2; settable to `all`. */
export function quorumSize(memberCount: number, rule: QuorumRule): number {
  if (rule === "all" || memberCount <= 2) return memberCount;
  return Math.floor(memberCount / 2) + 1;
}
