import type { RunResult } from "./run.js";

/** What is kept of one seed: small, so that hundreds of thousands may be counted. */
export interface SeedReport {
  readonly seed: number;
  readonly digest: string;
  readonly counted: boolean;
  readonly closed: boolean;
  readonly virtualMs: number;
  readonly recoveryMs: number | null;
  readonly completedCount: number;
  readonly marks: readonly (readonly [string, number])[];
  /** Null: nothing went wrong. */
  readonly failure: { readonly rule: string; readonly text: string; readonly atMs: number; readonly tail: readonly string[] } | null;
}

export function reportOfRun(result: RunResult): SeedReport {
  const { seed, digest, counted, closed, virtualMs, recoveryMs, completedCount, marks, violation, tail } = result;
  return {
    seed,
    digest,
    counted,
    closed,
    virtualMs,
    recoveryMs,
    completedCount,
    marks: [...marks],
    failure: violation === null ? null : { ...violation, tail },
  };
}

/** Many seeds together. */
export interface Batch {
  seedCount: number;
  countedCount: number;
  closedCount: number;
  virtualMs: number;
  slowestRecovery: { readonly seed: number; readonly ms: number } | null;
  completedCount: number;
  readonly marks: Map<string, number>;
  readonly failures: SeedReport[];
}

export function createBatch(): Batch {
  return {
    seedCount: 0,
    countedCount: 0,
    closedCount: 0,
    virtualMs: 0,
    slowestRecovery: null,
    completedCount: 0,
    marks: new Map(),
    failures: [],
  };
}

export function addToBatch(batch: Batch, report: SeedReport): void {
  batch.seedCount += 1;
  if (report.counted) batch.countedCount += 1;
  if (report.closed) batch.closedCount += 1;
  batch.virtualMs += report.virtualMs;
  const { seed, recoveryMs } = report;
  if (recoveryMs !== null && recoveryMs > (batch.slowestRecovery?.ms ?? -1)) batch.slowestRecovery = { seed, ms: recoveryMs };
  batch.completedCount += report.completedCount;
  for (const [name, count] of report.marks) batch.marks.set(name, (batch.marks.get(name) ?? 0) + count);
  if (report.failure !== null) batch.failures.push(report);
}

/** What a batch of a few hundred seeds must have reached: a mark that stays at zero says that the generator is blind there. */
export const MARKS_WANTED: readonly string[] = [
  "checkpoint",
  "snapshot-installed",
  "snapshot-adopted",
  "state-loaded",
  "state-unloaded",
  "states-compared",
  "log-truncated",
  "log-damaged",
  "disk-wiped",
  "file-lost",
  "file-cut",
  "disk-full",
  "served-beside-hang",
  "disk-slowed",
  "disk-held",
  "link-slowed",
  "process-slowed",
  "disk-error-write",
  "disk-error-sync",
  "power-off",
  "power-off-all",
  "cut-in-two",
  "cut-one-way",
  "cut-to-ring",
  "cut-but-for-main",
  "cut-but-for-one",
  "pair-cut-both-ways",
  "pair-cut-one-way",
  "every-pair-cut",
  "connection-reset",
  "entry-damaged",
  "server-dies-between-effects",
  "rm-dies-between-effects",
  "lfd-dies-between-effects",
  "gfd-dies-between-effects",
  "client-dies-between-effects",
  "server-stops-between-effects",
  "rm-stops-between-effects",
  "lfd-stops-between-effects",
  "gfd-stops-between-effects",
  "client-stops-between-effects",
  "wall-clock-ahead",
  "wall-clock-back",
  "wall-clock-behind-log",
  "second-rm",
  "old-store",
  "second-server",
  "folder-in-use",
  "rm-failover",
  "rm-hand-over",
  "died-at-request",
  "rm-admission-failed",
  "rm-attempt-failed",
  "rm-degraded",
  "rm-kill-ordered",
  "rm-suspected",
  "rm-view-adopted",
  "store-outcome-unknown",
  "folder-set-aside",
  "outcome-ok",
  "outcome-refused-insufficient-funds",
  "outcome-unknown-timeout",
  "reached-activated",
  "read-session",
  "read-any",
  "read-at-backup",
  "weak-read-compared",
  "fault-change-many",
  "broken-change-of-many",
  "handler-timed-out",
  "handler-taken-back",
  "resumption-compared",
  "sessions-renewed",
  "sessions-expired",
];

/** From so many seeds on, marks are insisted on. */
export const MARKS_FROM_SEEDS = 200;

export function missingMarks(batch: Batch): string[] {
  return batch.seedCount < MARKS_FROM_SEEDS ? [] : MARKS_WANTED.filter((name) => (batch.marks.get(name) ?? 0) === 0);
}

export function batchText(batch: Batch): string {
  const hours = (batch.virtualMs / 3_600_000).toFixed(2);
  const closed = batch.closedCount === 0 ? "" : `, ${batch.closedCount} closed by loss as they must`;
  const slowest = batch.slowestRecovery;
  const recovery = slowest === null ? "" : `, slowest recovery ${(slowest.ms / 1_000).toFixed(1)} s (seed ${slowest.seed})`;
  return `${batch.seedCount} seeds (${batch.countedCount} counted${closed}), ${hours} simulated hours${recovery}, ${batch.completedCount} operations, ${batch.failures.length} failed`;
}

export function failureText(report: SeedReport): string {
  const { seed, failure } = report;
  if (failure === null) return "";
  return [
    ...failure.tail,
    "",
    `seed ${seed} failed after ${(failure.atMs / 1_000).toFixed(3)} virtual seconds: ${failure.rule}`,
    failure.text,
    `again: npm run simulate -- --seed ${seed} --trace`,
  ].join("\n");
}
