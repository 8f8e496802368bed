/** Who executes, and what the log holds (DESIGN section 5). */
export type Style = "active" | "warm-passive" | "cold-passive";
export const STYLES: readonly Style[] = ["active", "warm-passive", "cold-passive"];

/** The primary executes, and the log holds what it changed. */
export function isPassive(style: Style): boolean {
  return style !== "active";
}

/** `disk`: persisted means fsync'd. `memory`: persisted means received. Fixed when the group is made. */
export type Durability = "disk" | "memory";
export const DURABILITIES: readonly Durability[] = ["disk", "memory"];

export type QuorumRule = "majority" | "all";

/** Why the two do not go together, in words for whoever asked. */
export const COLD_IN_MEMORY =
  "style cold-passive needs durability disk: its backups keep log and snapshots in place of the state, and with durability memory both would be in memory; use warm-passive";

/** w of n: a majority for n >= 3, all for n <= 2; settable to `all`. */
export function quorumSize(memberCount: number, rule: QuorumRule): number {
  if (rule === "all" || memberCount <= 2) return memberCount;
  return Math.floor(memberCount / 2) + 1;
}
