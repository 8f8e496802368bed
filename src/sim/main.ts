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
    const minutes = values.minutes === undefined ? null : minutesOf(values.minutes);
    const from = wholeOf("from", values.from ?? "1", 0);
    const seedsMax = Number.MAX_SAFE_INTEGER - from + 1;
    return {
      help: values.help ?? false,
      seed: values.seed === undefined ? null : wholeOf("seed", values.seed, 0),
      trace: values.trace ?? false,
      shrink: values.shrink ?? false,
      from,
      seeds: Math.min(seedsMax, values.seeds === undefined ? (minutes === null ? 200 : seedsMax) : wholeOf("seeds", values.seeds, 1)),
      minutes,
      workers: wholeOf("workers", values.workers ?? String(availableParallelism()), 1),
      digests: values.digests ?? false,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A seed that is no whole number is another run than the one that is printed, and a number of none of them proves nothing. */
function wholeOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least || text.trim() === "")
    throw new Error(`--${name} wants a whole number from ${least}, not "${text}"`);
  return value;
}

function minutesOf(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--minutes wants a number above 0, not "${text}"`);
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

/** One seed after the other, while there is time. By the clock, since a timer of more than 24 days would end it at once. */
export function takeSeeds({ from, seeds, minutes }: Pick<Options, "from" | "seeds" | "minutes">, nowMs: () => number): () => number | null {
  const untilMs = minutes === null ? Number.POSITIVE_INFINITY : nowMs() + minutes * 60_000;
  let next = from;
  return () => (next >= from + seeds || nowMs() >= untilMs ? null : next++);
}

async function runMany(options: Options): Promise<number> {
  const batch = createBatch();
  const take = takeSeeds(options, () => performance.now());
  const done = (report: SeedReport): void => {
    addToBatch(batch, report);
    if (options.digests) process.stdout.write(`${report.seed} ${report.digest}\n`);
    if (report.failure !== null) process.stdout.write(`${failureText(report)}\n\n`);
    if (batch.seedCount % PROGRESS_EVERY === 0) process.stderr.write(`${batchText(batch)}\n`);
  };
  await startSeedWorkers(Math.min(options.workers, options.seeds), take, done);
  const missing = missingMarks(batch);
  process.stdout.write(`${batchText(batch)}\n`);
  if (batch.failures.length > 0)
    process.stdout.write(`failed: ${batch.failures.map(({ seed, failure }) => `${seed} (${failure?.rule ?? ""})`).join(", ")}\n`);
  const first = batch.failures.map(({ seed }) => seed).sort((a, b) => a - b)[0];
  if (first !== undefined) await shrinkOne(first);
  if (missing.length > 0) process.stdout.write(`FAILED: nothing of this batch ever reached: ${missing.join(", ")}\n`);
  return batch.failures.length > 0 || missing.length > 0 ? 1 : 0;
}
