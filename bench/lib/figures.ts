/** What is left of many samples. `spread` is the distance between the quartiles. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly min: number;
  readonly max: number;
  readonly spread: number;
}

/** The smallest sample that at least this share of the samples do not exceed (nearest rank). */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Of a few trials, too few for a p99: the median, and between which they lie. */
export function rangeOf(samples: readonly number[]): string {
  return `${rounded(median(samples))} (${rounded(quantile(samples, 0))}-${rounded(quantile(samples, 1))})`;
}

export function summaryOf(samples: readonly number[]): Summary {
  return {
    count: samples.length,
    median: rounded(median(samples)),
    p99: rounded(quantile(samples, 0.99)),
    min: rounded(quantile(samples, 0)),
    max: rounded(quantile(samples, 1)),
    spread: rounded(quantile(samples, 0.75) - quantile(samples, 0.25)),
  };
}

/** Three digits that say something, and never fewer than the whole number. */
export function rounded(value: number): number {
  if (!Number.isFinite(value)) return value;
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return Number(value.toFixed(digits));
}

/** A table for people: the first column to the left, figures to the right. */
export function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  "),
  );
  return lines.map((line) => line.trimEnd()).join("\n");
}

export function summaryTable(rows: readonly (readonly [name: string, samples: readonly number[]])[]): string {
  return tableOf(
    ["ms", "n", "median", "p99", "min", "max", "spread"],
    rows.map(([name, samples]) => {
      const { count, median, p99, min, max, spread } = summaryOf(samples);
      return [name, count, median, p99, min, max, spread];
    }),
  );
}
