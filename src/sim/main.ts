import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { addToBatch, batchText, createBatch, failureText, missingMarks, reportOfRun, type SeedReport } from "./batch.js";
import { runSeed } from "./run.js";
import { startSeedWorkers } from "./seed-workers.js";
import { shrunkText } from "./shrunk-text.js";

const HELP = `usage: troupe simulate [--seed N [--trace | --shrink]] [--seeds N] [--minutes N] [--from N] [--workers N] [--digests]

Runs the cores of all components, with the real storage and executor, in a simulated world: each seed decides everything that happens,
and the same seed is the same run, to the letter, on every machine.

  --seed N      one seed, with a summary of what it was
  --trace       with --seed: prints the whole timeline
  --shrink      with --seed: cuts a run that fails down to what it needs, and tells its story
  --seeds N     N seeds (default 200), from --from on (default 1)
  --minutes N   as many seeds as fit into N minutes
  --workers N   how many at a time (default: one for each core)
  --digests     prints the digest of each seed, to compare machines

The first seed of many that fails is shrunk as well.

Exit code 0: nothing failed. 1: something did; the timeline's end and how to run it again are printed. 2: the options make no sense.
`;

const PROGRESS_EVERY = 100;

/** The command: returns its exit code. */
export async function runSimulation(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (typeof options === "string") {
    process.stderr.write(`${options}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (options.seed === null) return runMany(options);
  return options.shrink ? shrinkOne(options.seed) : runOne(options.seed, options.trace);
}

interface Options {
  readonly help: boolean;
  readonly seed: number | null;
  readonly trace: boolean;
  readonly shrink: boolean;
  readonly from: number;
  readonly seeds: number;
  readonly minutes: number | null;
  readonly workers: number;
  readonly digests: boolean;
}

function readOptions(argv: readonly string[]): Options | string {
  try {
    const text = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    const { values } = parseArgs({
      args: [...argv],
      options: { help: flag, seed: text, trace: flag, shrink: flag, from: text, seeds: text, minutes: text, workers: text, digests: flag },
    });
    const minutes = values.minutes === undefined ? null : numberOf("minutes", values.minutes);
    return {
      help: values.help ?? false,
      seed: values.seed === undefined ? null : numberOf("seed", values.seed),
      trace: values.trace ?? false,
      shrink: values.shrink ?? false,
      from: numberOf("from", values.from ?? "1"),
      seeds: numberOf("seeds", values.seeds ?? (minutes === null ? "200" : String(Number.MAX_SAFE_INTEGER))),
      minutes,
      workers: numberOf("workers", values.workers ?? String(availableParallelism())),
      digests: values.digests ?? false,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || text.trim() === "") throw new Error(`--${name} wants a number, not "${text}"`);
  return value;
}

async function runOne(seed: number, trace: boolean): Promise<number> {
  const result = await runSeed(seed, trace ? { print: (line) => void process.stdout.write(`${line}\n`) } : {});
  const report = reportOfRun(result);
  const { plan } = result;
  const { spec } = plan;
  if (report.failure !== null && !trace) process.stdout.write(`${failureText(report)}\n`);
  const lines = [
    `seed ${seed}: ${plan.workload}, ${spec.style}, ${spec.replicas} replicas on ${plan.hostCount} hosts, ${spec.durability}, quorum ${spec.quorum}`,
    `faults: ${plan.faults.map(({ kind }) => kind).join(", ")}`,
    `${(result.virtualMs / 1_000).toFixed(1)} virtual seconds, ${result.completedCount} operations, ${result.viewCount} views, ${result.counted ? "counted" : "too little happened to count"}`,
    ...(result.closed ? ["closed: too many incarnations of the last view were lost, and the group said so"] : []),
    result.violation === null ? "passed" : `FAILED ${result.violation.rule}: ${result.violation.text}`,
    `digest ${result.digest}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return result.violation === null ? 0 : 1;
}

/** So long one failing seed is shrunk: each run of it takes from a tenth of a second to several. */
const SHRINK_MS = 60_000;

async function shrinkOne(seed: number): Promise<number> {
  process.stderr.write(`seed ${seed} is cut down, for at most ${SHRINK_MS / 1_000} s\n`);
  const untilMs = performance.now() + SHRINK_MS;
  const text = await shrunkText(seed, () => performance.now() < untilMs);
  process.stdout.write(`${text ?? `seed ${seed} passes`}\n`);
  return text === null ? 0 : 1;
}

async function runMany(options: Options): Promise<number> {
  const batch = createBatch();
  let stopping = false;
  const timer =
    options.minutes === null
      ? null
      : setTimeout(() => {
          stopping = true;
        }, options.minutes * 60_000);
  let next = options.from;
  const end = options.from + options.seeds;
  const take = (): number | null => (stopping || next >= end ? null : next++);
  const done = (report: SeedReport): void => {
    addToBatch(batch, report);
    if (options.digests) process.stdout.write(`${report.seed} ${report.digest}\n`);
    if (report.failure !== null) process.stdout.write(`${failureText(report)}\n\n`);
    if (batch.seedCount % PROGRESS_EVERY === 0) process.stderr.write(`${batchText(batch)}\n`);
  };
  await startSeedWorkers(Math.max(1, Math.min(options.workers, options.seeds)), take, done);
  if (timer !== null) clearTimeout(timer);
  const missing = missingMarks(batch);
  process.stdout.write(`${batchText(batch)}\n`);
  if (batch.failures.length > 0)
    process.stdout.write(`failed: ${batch.failures.map(({ seed, failure }) => `${seed} (${failure?.rule ?? ""})`).join(", ")}\n`);
  const first = batch.failures.map(({ seed }) => seed).sort((a, b) => a - b)[0];
  if (first !== undefined) await shrinkOne(first);
  if (missing.length > 0) process.stdout.write(`FAILED: nothing of this batch ever reached: ${missing.join(", ")}\n`);
  return batch.failures.length > 0 || missing.length > 0 ? 1 : 0;
}
