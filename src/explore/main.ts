/** `node dist/explore/main.js --scope full [--states N] [--minutes M]`: explores a scope and says what it has seen. */
import { cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { explore, type Report } from "./exploration.js";
import { SCOPES, type Scope, scopeNamed } from "./scope.js";

const USAGE = `usage: npm run explore -- --scope ${SCOPES.map((scope) => scope.name).join("|")} [--states N] [--minutes M]\n`;
/** Above this the search ends, as at a bound that was asked for. */
const MEMORY_BYTES_MAX = 6e9;
const SAY_MS = 10_000;

interface Wish {
  readonly scope: Scope;
  readonly minutes: number;
}

/** Throws in words. */
function chosen(): Wish | "help" {
  const { values } = parseArgs({
    options: {
      scope: { type: "string", default: "small" },
      states: { type: "string" },
      minutes: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const scope = scopeNamed(values.scope);
  const minutes = Number(values.minutes ?? Number.POSITIVE_INFINITY);
  if (scope === undefined) throw new Error(`There is no scope ${values.scope}.`);
  if (!(minutes > 0)) throw new Error("--minutes takes a number above 0.");
  if (!/^[1-9]\d{0,8}$/.test(values.states ?? "1")) throw new Error("--states takes a whole number from 1.");
  return { scope: values.states === undefined ? scope : { ...scope, statesMax: Number(values.states) }, minutes };
}

function say(report: Report, seconds: number, bound: string): void {
  const { scope, states, worlds, steps, depth, complete, violation, hosts, rms, nets, memoryBytes } = report;
  const unit = scope.search === "breadth" ? "steps" : "disturbances";
  const megabytes = Math.round(process.memoryUsage.rss() / 1e6);
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  out(
    `scope ${scope.name}: ${states} states${worlds > states ? ` (with those that differ by names only: ${worlds})` : ""}, ${steps} steps; ${hosts} states of replicas, ${rms} of RMs, ${nets} sets of messages`,
  );
  const speed = `${Math.round(states / seconds)} states a second`;
  out(
    `${seconds.toFixed(1)} s (${speed}) on ${cpus()[0]?.model ?? "?"}; ${Math.round(memoryBytes / states)} bytes a state, ${megabytes} MB in all`,
  );
  for (const [name, count] of Object.entries(report.marks)) out(`  ${name}: ${count}`);
  if (violation !== null) {
    out(`VIOLATION: ${violation.text}`);
    for (const [i, line] of violation.path.entries()) out(`${String(i + 1).padStart(4)} ${line}`);
  } else if (!complete) out(`cut by the bound of ${bound}; complete through ${depth} ${unit}`);
  else out(report.isDeeper ? `complete: every world within ${depth} ${unit}` : `complete: ${depth} ${unit} lead everywhere`);
}

function main(): number {
  let wish: Wish | "help";
  try {
    wish = chosen();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  if (wish !== "help") return run(wish);
  process.stdout.write(USAGE);
  return 0;
}

function run({ scope, minutes }: Wish): number {
  const beganMs = performance.now();
  let saidMs = beganMs;
  let bound = `${scope.statesMax} states`;
  const report = explore(scope, (states, done, depth) => {
    const nowMs = performance.now();
    const bytes = process.memoryUsage.rss();
    if (nowMs - saidMs >= SAY_MS) {
      saidMs = nowMs;
      process.stderr.write(`${states} states, ${done} of them done, depth ${depth}, ${Math.round(bytes / 1e6)} MB\n`);
    }
    if (nowMs - beganMs >= minutes * 60_000) bound = `${minutes} minutes`;
    else if (bytes >= MEMORY_BYTES_MAX) bound = `${MEMORY_BYTES_MAX / 1e9} GB of memory`;
    else return false;
    return true;
  });
  say(report, (performance.now() - beganMs) / 1_000, bound);
  return report.violation === null ? 0 : 1;
}

process.exitCode = main();
