import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { bundleText } from "../config/bundle.js";
import { EXAMPLES, examplePath } from "../config/installation.js";
import { conduct, isNothingToLeaveOut } from "../proof/conduct.js";
import { SERVICE_BUNDLE } from "../proof/service-code.js";
import { hasPassed, proofJson, proofText } from "../proof/verdict.js";
import { openWorkshop } from "../proof/workers.js";
import { STYLES, type Style } from "../vocabulary/style.js";
import { EXIT, Failure, show, wholeNumber } from "./output.js";
import { reasonOf } from "../runtime/error-code.js";

const HELP = `usage: troupe simulate SERVICE [--seeds N] [--from N] [--seed N] [--style STYLE] [--without NAME]... [--workers N] [--json]

Runs a service (bank, counter, kv, or the path of a service file) in the simulated world, in each style that it declares: on several replicas
whose processes are killed, paused and cut off, with requests drawn from the service's examples. Says whether replicas agree, whether snapshots
restore to the same state, and whether the service's invariants hold. docs/guide/proof.md explains what to make of it.

  --seeds N       so many runs in each style (default 10)
  --from N        seed of the first run (default 1)
  --seed N        this run alone
  --style STYLE   in this style alone
  --without NAME  leaves an operation or query out: one that reaches outside, such as a call of fetch; may be repeated
  --workers N     how many at a time (default: one for each core)
  --json          prints the result as one JSON value

Exit code 0: everything held. 1: something did not, or was not run; it is said what and how to run it again. 2: the options make no sense.
`;

/** Is this argument the name of a service rather than an option of the simulator? */
export function isServiceName(argument: string): boolean {
  return EXAMPLES.includes(argument) || /\.[cm]?[jt]s$/.test(argument);
}

interface Options {
  readonly help: boolean;
  readonly seeds: number;
  readonly from: number;
  readonly styles: readonly Style[] | null;
  readonly without: readonly string[];
  readonly workers: number;
  readonly json: boolean;
}

/** Returns the exit code. Throws in words when the service cannot be loaded. */
export async function simulateService(service: string, argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (typeof options === "string") {
    process.stderr.write(`${options}\n\n${HELP}`);
    return EXIT.usage;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return EXIT.done;
  }
  const file = resolve(EXAMPLES.includes(service) ? examplePath(service) : service);
  if (!existsSync(file))
    throw new Failure(
      EXIT.failed,
      `There is no service ${service}: give the path of a service file, such as ./orders.ts, or one of ${EXAMPLES.join(", ")}.`,
    );
  const text = await bundleText(file, SERVICE_BUNDLE);
  const { without, styles, seeds, from } = options;
  const workshop = openWorkshop({ service: { text, file }, without }, Math.max(1, Math.min(options.workers, seeds)));
  try {
    const asked = { seeds, firstSeed: from, without, onProgress: progressLine() };
    const proof = await conduct(workshop, styles === null ? asked : { ...asked, styles });
    const left = without.map((name) => ` --without ${name}`).join("");
    clearLine();
    show(
      options.json,
      proofJson(proof),
      proofText(proof, (style, seed) => `troupe simulate ${service} --style ${style} --seed ${seed}${left}`),
    );
    return hasPassed(proof) ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (isNothingToLeaveOut(error)) throw new Failure(EXIT.usage, error.message);
    throw error;
  } finally {
    await workshop.close();
  }
}

function readOptions(argv: readonly string[]): Options | string {
  try {
    const text = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    const { values } = parseArgs({
      args: argv.filter((argument) => argument !== "--"),
      options: {
        help: flag,
        seeds: text,
        from: text,
        seed: text,
        style: text,
        without: { type: "string", multiple: true },
        workers: text,
        json: flag,
      },
    });
    const seed = values.seed === undefined ? null : numberOf("seed", values.seed);
    return {
      help: values.help ?? false,
      seeds: seed !== null ? 1 : Math.max(1, numberOf("seeds", values.seeds ?? "10")),
      from: seed ?? numberOf("from", values.from ?? "1"),
      styles: values.style === undefined ? null : [styleNamed(values.style)],
      without: values.without ?? [],
      workers: numberOf("workers", values.workers ?? String(availableParallelism())),
      json: values.json ?? false,
    };
  } catch (error) {
    return reasonOf(error);
  }
}

function numberOf(name: string, text: string): number {
  try {
    return wholeNumber(text);
  } catch {
    throw new Error(`--${name} wants a whole number, not "${text}"`);
  }
}

function styleNamed(text: string): Style {
  const style = STYLES.find((each) => each === text);
  if (style === undefined) throw new Error(`--style is one of ${STYLES.join(", ")}, not "${text}"`);
  return style;
}

/** On a terminal one line that is written over; elsewhere nothing, since all is said at the end. */
function progressLine(): (style: Style, done: number, of: number) => void {
  return (style, done, of) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${style}: ${done} of ${of} runs`);
  };
}

function clearLine(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
