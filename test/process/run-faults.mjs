// Runs fault scenarios again and again, each in both styles of which every replica holds the state (--style cold-passive: in that), and says how often each passed and how long clients waited.
//   npm run test:faults -- [--repeat N] [--style STYLE] [--list] [NAME ...]
// Ends with exit code 0 when none has failed. What a failed run has left is in .cache/faults.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const project = fileURLToPath(new URL("../../", import.meta.url));

/** The scenarios are TypeScript: one bundle of them, beside which the packages are found. */
async function loadScenarios() {
  const folder = join(project, ".cache", "fault-scenarios");
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${process.pid}.mjs`);
  await build({
    entryPoints: [join(project, "test/process/scenarios/index.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    sourcemap: "inline",
    alias: {
      troupe: join(project, "src/service/index.ts"),
      "troupe/client": join(project, "src/client/index.ts"),
    },
  });
  return import(pathToFileURL(outfile).href);
}

const USAGE = `usage: npm run test:faults -- [--repeat N] [--style STYLE] [--list] [NAME ...]

Runs fault scenarios on real processes: those that are named, or all that \`npm test\` runs as well.

  --repeat N     each so many times (default 1)
  --style STYLE  in this style alone; default: active and warm-passive
  --list         names the scenarios, and says what each does
  --help         prints this

Exit code 0: none has failed. 1: at least one has; what it has left is in .cache/faults. 2: the command line makes no sense.`;

const { values, positionals } = readCommandLine();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const repeat = Number(values.repeat);
if (!Number.isInteger(repeat) || repeat < 1) fail("--repeat takes a whole number from 1.");

const { scenarios, ALL_STYLES, STYLES, createStable, runScenario } = await loadScenarios();
const styles = values.style === undefined ? STYLES : ALL_STYLES.filter((style) => style === values.style);
if (styles.length === 0) fail(`--style is one of ${ALL_STYLES.join(", ")}.`);
const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0) fail(`There is no scenario ${unknown.join(", ")}; --list names them.`);

if (values.list) {
  for (const { name, what, leftOut } of scenarios)
    console.log(`${name.padEnd(34)} ${what}${leftOut === undefined ? "" : `  [not in npm test: ${leftOut}]`}`);
  process.exit(0);
}

const chosen =
  positionals.length === 0
    ? scenarios.filter(({ leftOut }) => leftOut === undefined)
    : scenarios.filter(({ name }) => positionals.includes(name));
let failures = 0;
let current = null;
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    // What runs for the scenario ends with it.
    void Promise.resolve(current?.close()).finally(() => process.exit(130));
  });
for (const style of styles) {
  const stable = createStable();
  current = stable;
  for (const scenario of chosen) await repeatScenario(stable, scenario, style);
  await stable.close();
}
console.log(failures === 0 ? "no failure" : `${failures} failed`);
process.exit(failures === 0 ? 0 : 1);

async function repeatScenario(stable, scenario, style) {
  const gapsMs = [];
  const figures = new Map();
  let passed = 0;
  let failed = 0;
  let operations = 0;
  const fromMs = performance.now();
  for (let run = 0; run < repeat; run++) {
    try {
      const report = await runScenario(stable, scenario, style);
      passed += 1;
      operations += report.operations;
      gapsMs.push(...report.gapsMs);
      for (const [name, value] of Object.entries(report.figures)) figures.set(name, [...(figures.get(name) ?? []), value]);
    } catch (error) {
      failed += 1;
      failures += 1;
      console.log(`FAILED  ${error.message}`);
    }
  }
  const more = [...figures].map(([name, values]) => `; ${name} median ${quantile(values, 0.5)}, p99 ${quantile(values, 0.99)}`).join("");
  console.log(
    `${scenario.name.padEnd(34)} ${style.padEnd(13)} ${passed} passed, ${failed} failed; ${operations} operations; client gap median ${quantile(gapsMs, 0.5)} ms, p99 ${quantile(gapsMs, 0.99)} ms; ${((performance.now() - fromMs) / 1_000 / repeat).toFixed(1)} s each${more}`,
  );
}

function readCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        repeat: { type: "string", default: "1" },
        style: { type: "string" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`);
  }
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return value === undefined ? "-" : value.toFixed(1);
}

function fail(text) {
  console.error(text);
  process.exit(2);
}
