import { isMarked, mark } from "../vocabulary/mark.js";
import type { Style } from "../vocabulary/style.js";
import type { CallCount, SeedProof } from "./run.js";
import type { Outline } from "./trial-run.js";

/** Where runs are made: in this thread, or on several. */
export interface Workshop {
  /** Runs at a time. */
  readonly width: number;
  outline(): Promise<Outline>;
  run(style: Style, seed: number, outline: Outline): Promise<SeedProof>;
}

export interface ConductOptions {
  /** Default: all that the service declares. */
  readonly styles?: readonly Style[];
  readonly seeds: number;
  readonly firstSeed: number;
  /** Operations and queries that shall not be run. */
  readonly without: readonly string[];
  onProgress?(style: Style, done: number, of: number): void;
}

/** Many runs in one style, together. */
export interface StyleProof {
  readonly style: Style;
  runs: number;
  counted: number;
  virtualMs: number;
  views: number;
  faults: number;
  executed: number;
  comparisons: number;
  snapshots: number;
  invariantChecks: number;
  readonly calls: Map<string, { answered: number; readonly refused: Map<string, number> }>;
  /** The run in which something was found, if any: it was the last one. */
  failed: SeedProof | null;
}

/** What is to be said of a service. */
export interface Proof {
  readonly outline: Outline;
  readonly without: readonly string[];
  readonly styles: readonly StyleProof[];
  /** Asked for, and not declared by the service. */
  readonly stylesMissing: readonly Style[];
}

/** Runs a service through seeds in each style; a style ends at the first run in which something is found. */
export async function conduct(workshop: Workshop, options: ConductOptions): Promise<Proof> {
  const { without } = options;
  const outline = await workshop.outline();
  if (outline.finding === null) checkNames(outline, without);
  const wanted = options.styles ?? outline.styles;
  const stylesMissing = wanted.filter((style) => !outline.styles.includes(style));
  const styles: StyleProof[] = [];
  if (outline.finding === null && canRun(outline, without))
    for (const style of wanted.filter((each) => outline.styles.includes(each)))
      styles.push(await proveStyle(workshop, style, outline, options));
  return { outline, without, styles, stylesMissing };
}

const NOTHING_TO_LEAVE_OUT = "nothing-to-leave-out";

export class NothingToLeaveOut extends Error {
  override readonly name = "NothingToLeaveOut";

  constructor(message: string) {
    super(message);
    mark(this, NOTHING_TO_LEAVE_OUT);
  }
}

export function isNothingToLeaveOut(error: unknown): error is NothingToLeaveOut {
  return isMarked(error, NOTHING_TO_LEAVE_OUT);
}

/** A name that is misspelt leaves nothing out: whatever it was meant for would be run, and "not run" be said of it. */
function checkNames({ name, operations, queries }: Outline, without: readonly string[]): void {
  const names = [...operations, ...queries];
  const unknown = without.filter((each) => !names.includes(each));
  if (unknown.length > 0)
    throw new NothingToLeaveOut(
      `The service ${name} has no operation or query ${unknown.join(", ")} to leave out; it has ${names.join(", ")}.`,
    );
}

/** Without an operation nothing changes, and nothing can differ. */
export function canRun({ operations, notRun }: Outline, without: readonly string[]): boolean {
  return operations.some((name) => !without.includes(name) && notRun.every((each) => each.name !== name));
}

async function proveStyle(workshop: Workshop, style: Style, outline: Outline, options: ConductOptions): Promise<StyleProof> {
  const { seeds, firstSeed, onProgress } = options;
  const proof: StyleProof = {
    ...{ style, runs: 0, counted: 0, virtualMs: 0, views: 0, faults: 0 },
    ...{ executed: 0, comparisons: 0, snapshots: 0, invariantChecks: 0 },
    calls: new Map(),
    failed: null,
  };
  let taken = 0;
  const work = async (): Promise<void> => {
    while (taken < seeds && proof.failed === null) {
      const seed = firstSeed + taken;
      taken += 1;
      add(proof, await workshop.run(style, seed, outline));
      onProgress?.(style, proof.runs, seeds);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workshop.width, seeds) }, work));
  return proof;
}

function add(proof: StyleProof, run: SeedProof): void {
  proof.runs += 1;
  if (run.counted) proof.counted += 1;
  proof.virtualMs += run.virtualMs;
  proof.views += run.views;
  proof.faults += run.faults;
  proof.executed += run.looked.executed;
  proof.comparisons += run.looked.comparisons;
  proof.snapshots += run.looked.snapshots;
  proof.invariantChecks += run.looked.invariantChecks;
  for (const count of run.calls) addCalls(proof, count);
  const isFailed = run.finding !== null || run.defect !== null;
  // Of several at a time the one with the smallest seed, so that the same is said each time.
  if (isFailed && (proof.failed === null || run.seed < proof.failed.seed)) proof.failed = run;
}

function addCalls({ calls }: StyleProof, { name, answered, refused }: CallCount): void {
  const sum = calls.get(name) ?? { answered: 0, refused: new Map<string, number>() };
  calls.set(name, sum);
  sum.answered += answered;
  for (const [code, count] of refused) sum.refused.set(code, (sum.refused.get(code) ?? 0) + count);
}
