/**
 * A detector's own absence. After SIGCONT, a long collection or a stolen CPU, Node runs expired timers before it reads its sockets:
 * a watcher that was away for a second would suspect every healthy peer whose answers lie unread. So a detector asks first whether it
 * was itself away, and takes that time out of every silence it measures (Lifeguard, Dadgar et al. 2018, calls it local health).
 */
export interface Presence {
  /** When this detector had asked to be woken; Infinity when it had not asked. */
  dueMs: number;
  /** All the time it was away since its start. Silences subtract the part that fell into them. */
  awayTotalMs: number;
}

/** A timer this late is ordinary scheduling, not absence. */
export const ABSENCE_TOLERANCE_MS = 10;

export function createPresence(): Presence {
  return { dueMs: Number.POSITIVE_INFINITY, awayTotalMs: 0 };
}

/** Called first in every step, whatever woke it: being later than the wake-up it asked for is proof of absence. Returns the absence in milliseconds. */
export function noteStep(presence: Presence, nowMs: number): number {
  const lateMs = nowMs - presence.dueMs;
  if (!(lateMs > ABSENCE_TOLERANCE_MS)) return 0;
  presence.awayTotalMs += lateMs;
  // Counted once: the next step of the same turn is not late again.
  presence.dueMs = nowMs;
  return lateMs;
}

/** Called last in every step, with the wake-up it now asks for. */
export function noteDue(presence: Presence, dueMs: number): void {
  presence.dueMs = dueMs;
}

/** A moment as this detector experienced it: only the difference of two such stamps is meaningful. */
export interface Stamp {
  readonly atMs: number;
  readonly awayTotalMs: number;
}

export function stamp(presence: Presence, nowMs: number): Stamp {
  return { atMs: nowMs, awayTotalMs: presence.awayTotalMs };
}

/** Milliseconds since `since` in which this detector was present. Never negative, never more than what the clock says. */
export function presentSince(presence: Presence, since: Stamp, nowMs: number): number {
  const awayMs = presence.awayTotalMs - since.awayTotalMs;
  return Math.max(0, nowMs - since.atMs - awayMs);
}
