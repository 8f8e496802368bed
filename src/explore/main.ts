/** `node dist/explore/main.js --scope full [--states N]`: explores a scope and says what it has seen. */
import { cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { explore, type Report } from "./exploration.js";
import { SCOPES, type Scope, scopeNamed } from "./scope.js";

const USAGE = `usage: node dist/explore/main.js --scope ${SCOPES.map((scope) => scope.name).join("|")} [--states N]\n`;

function option(name: string): string | null {
  const at = process.argv.indexOf(name);
  return at < 0 ? null : (process.argv[at + 1] ?? null);
}

function chosenScope(): Scope | null {
  const scope = scopeNamed(option("--scope") ?? "small");
  const states = option("--states");
  if (scope === undefined) return null;
  if (states === null) return scope;
  return /^[1-9]\d{0,8}$/.test(states) ? { ...scope, statesMax: Number(states) } : null;
}

function say(report: Report, seconds: number): void {
  const { scope, states, steps, depth, complete, violation, hosts, nets } = report;
  const unit = scope.search === "breadth" ? "steps" : "disturbances";
  const megabytes = Math.round(process.memoryUsage.rss() / 1e6);
  process.stdout.write(`scope ${scope.name}: ${states} states, ${steps} steps,  ${hosts} states of replicas, ${nets} sets of messages\n`);
  process.stdout.write(`${seconds.toFixed(1)} s on ${cpus()[0]?.model ?? "?"}, ${megabytes} MB\n`);
  for (const [name, count] of Object.entries(report.marks)) process.stdout.write(`  ${name}: ${count}\n`);
  if (violation !== null) {
    process.stdout.write(`VIOLATION: ${violation.text}\n`);
    for (const [i, line] of violation.path.entries()) process.stdout.write(`${String(i + 1).padStart(4)} ${line}\n`);
  } else
    process.stdout.write(
      complete
        ? `complete: ${depth} ${unit} lead everywhere\n`
        : `cut by the bound of ${scope.statesMax} states; complete through ${depth} ${unit}\n`,
    );
}

function run(): number {
  const scope = chosenScope();
  if (scope === null) {
    process.stderr.write(USAGE);
    return 64;
  }
  const began = performance.now();
  let said = began;
  const report = explore(scope, (states, done, depth) => {
    if (performance.now() - said < 10_000) return false;
    said = performance.now();
    process.stderr.write(`${states} states, ${done} of them done, depth ${depth}, ${Math.round(process.memoryUsage.rss() / 1e6)} MB\n`);
    return false;
  });
  say(report, (performance.now() - began) / 1_000);
  return report.violation === null ? 0 : 1;
}

process.exitCode = run();
