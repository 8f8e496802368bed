import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { field } from "./gateway-api.js";
import { EXIT, Failure, print, wholeNumber, withExample } from "./output.js";

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
    .option("--dir <folder>", "the data folder", ".troupe")
    .option("--json", "prints the lines as they are, with the name of the process in `process`");
  withExample(command, "troupe logs bank-1 --follow").action(async (name: string | undefined, options: LogsOptions) => {
    const tails = new Map<string, LogTail>();
    if (filesOf(options.dir, name).length === 0)
      throw new Failure(EXIT.failed, `There is no log of ${name ?? "anything"} in ${join(options.dir, "logs")}.`);
    do {
      for (const path of filesOf(options.dir, name)) {
        const tail = tails.get(path) ?? openTail(path, options.lines);
        tails.set(path, tail);
        for (const line of tail.read()) print(lineOf(basename(path, ".log"), line, options.json === true));
      }
      if (options.follow === true) await sleep(LOOK_AGAIN_MS);
    } while (options.follow === true);
  });
}

function filesOf(dir: string, name: string | undefined): string[] {
  const folder = join(dir, "logs");
  try {
    const names = readdirSync(folder).filter((file) => file.endsWith(".log"));
    return names
      .filter((file) => name === undefined || file === `${name}.log`)
      .sort()
      .map((file) => join(folder, file));
  } catch {
    return [];
  }
}

interface LogTail {
  /** The complete lines that have come since the last look. */
  read(): string[];
}

function openTail(path: string, lines: number): LogTail {
  let offset = Math.max(0, statSync(path).size - TAIL_BYTES_MAX);
  let isFirst = true;
  let rest = "";
  const decoder = new StringDecoder("utf8");
  return {
    read() {
      const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (sizeBytes < offset) offset = 0;
      const bytes = Buffer.alloc(sizeBytes - offset);
      const file = openSync(path, "r");
      const count = readSync(file, bytes, 0, bytes.length, offset);
      closeSync(file);
      offset += count;
      const found = (rest + decoder.write(bytes.subarray(0, count))).split("\n");
      rest = found.pop() ?? "";
      const whole = isFirst ? found.slice(-lines) : found;
      isFirst = false;
      return whole.filter((line) => line !== "");
    },
  };
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
