import { statSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { loggedNames, logPath, olderLogPath, readFrom, sizeOf } from "../runtime/log-file.js";
import { field } from "./gateway-api.js";
import { DIR_OPTION, EXIT, Failure, print, wholeNumber, withExample } from "./output.js";

interface LogsOptions {
  readonly dir: string;
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly lines: number;
}

const LOOK_AGAIN_MS = 200;
/** Of each file, read at most so much of its end. */
const TAIL_BYTES_MAX = 256 * 1024;

export function addLogs(program: Command): void {
  const command = program
    .command("logs")
    .description("prints what the processes have written, of one replica or component or of all")
    .argument("[replica]", "a replica, or lfd, gfd, rm, gateway")
    .option("--follow", "goes on as more is written, until Ctrl-C")
    .option("--lines <n>", "how many lines of each to begin with", wholeNumber, 50)
    .option(...DIR_OPTION)
    .option("--json", "prints the lines as they are, with the name of the process in `process`");
  withExample(command, "troupe logs bank-1 --follow").action(async (name: string | undefined, options: LogsOptions) => {
    const names = () => loggedNames(options.dir).filter((each) => name === undefined || each === name);
    if (names().length === 0) throw new Failure(EXIT.failed, `There is no log of ${name ?? "anything"} in ${join(options.dir, "logs")}.`);
    const tails = new Map<string, () => string[]>();
    do {
      for (const each of names()) {
        const tail = tails.get(each) ?? openTail(logPath(options.dir, each), options.lines);
        tails.set(each, tail);
        for (const line of tail()) print(lineOf(each, line, options.json === true));
      }
      if (options.follow === true) await sleep(LOOK_AGAIN_MS);
    } while (options.follow === true);
  });
}

/** The lines of a log from its end on, then what is added, also where the log is begun anew in between (runtime/log-file.ts). */
export function openTail(path: string, lines: number): () => string[] {
  const older = olderLogPath(path);
  const decoder = new StringDecoder("utf8");
  let generation = inodeOf(older);
  let fromBytes = 0;
  let rest = "";

  const complete = (bytes: Buffer): string[] => {
    const found = (rest + decoder.write(bytes)).split("\n");
    rest = found.pop() ?? "";
    return found.filter((line) => line !== "");
  };
  const added = (): string[] => {
    const now = inodeOf(older);
    const found: string[] = [];
    if (now !== generation) {
      found.push(...complete(readFrom(older, fromBytes)));
      generation = now;
      fromBytes = 0;
    }
    // Emptied by somebody else.
    if (sizeOf(path) < fromBytes) fromBytes = 0;
    const bytes = readFrom(path, fromBytes);
    fromBytes += bytes.length;
    return [...found, ...complete(bytes)];
  };
  const first = (): string[] => {
    const sizeBytes = sizeOf(path);
    const olderFromBytes = Math.max(0, sizeOf(older) - Math.max(0, TAIL_BYTES_MAX - sizeBytes));
    fromBytes = Math.max(0, sizeBytes - TAIL_BYTES_MAX);
    const isCut = fromBytes > 0 || olderFromBytes > 0;
    const found = [...complete(readFrom(older, olderFromBytes)), ...added()];
    // The first one may be the end of a line only.
    const whole = isCut ? found.slice(1) : found;
    return lines === 0 ? [] : whole.slice(-lines);
  };
  let isFirst = true;
  return () => {
    const found = isFirst ? first() : added();
    isFirst = false;
    return found;
  };
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}

const LEVELS: Readonly<Record<number, string>> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** Log lines are JSON; what a service or a crash has printed is not. */
function lineOf(name: string, line: string, isJson: boolean): string {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return isJson ? JSON.stringify({ process: name, text: line }) : `${name}  ${line}`;
  }
  if (isJson) return JSON.stringify(typeof record === "object" ? { process: name, ...record } : { process: name, text: line });
  const time = field(record, "time");
  const level = field(record, "level");
  const stamp = typeof time === "number" ? new Date(time).toISOString().slice(11, 23) : "";
  const error = field(field(record, "err"), "stack");
  const rest = typeof error === "string" ? `\n${error}` : extras(record);
  return `${stamp}  ${name.padEnd(10)}  ${(typeof level === "number" ? (LEVELS[level] ?? "") : "").padEnd(5)}  ${String(field(record, "msg") ?? "")}${rest}`;
}

const SHOWN_OTHERWISE: readonly string[] = ["time", "level", "msg", "component", "pid", "err"];

function extras(record: unknown): string {
  if (typeof record !== "object" || record === null) return "";
  const found = Object.entries(record).filter(([name]) => !SHOWN_OTHERWISE.includes(name));
  return found.length === 0 ? "" : `  ${JSON.stringify(Object.fromEntries(found))}`;
}
