import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { DEFAULTS } from "../vocabulary/limit.js";
import { isMarked, mark } from "../vocabulary/mark.js";

/** Exit codes of all commands (docs/reference/cli.md). `check` has its own, in its help. */
export const EXIT = {
  done: 0,
  /** It did not work, and nothing else below says why. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** No system answers. */
  unreachable: 3,
  /** The service said no. */
  refused: 4,
  /** Whether the request was executed is not known. */
  unknown: 5,
  /** EX_CONFIG: of a component, starting it again will not help. */
  gaveUp: 78,
} as const;

const MARK = "failure";

/** An error for the reader, with the exit code that it deserves. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: number;
  readonly data: unknown;

  constructor(exitCode: number, message: string, data?: unknown) {
    super(message);
    mark(this, MARK);
    this.exitCode = exitCode;
    this.data = data;
  }
}

/** Also of one from a file that is no part of the commands' bundle, and has a class of its own (scripts/bundle-programs.mjs). */
export function isFailure(error: unknown): error is Failure {
  return isMarked(error, MARK);
}

let isDropping = false;

export function onOutputError(error: NodeJS.ErrnoException): void {
  // A reader that has seen enough (`| head`) closes the pipe: no fault of ours, and nothing more to say.
  if (error.code === "EPIPE") process.exit(EXIT.done);
  if (!isDropping) throw error;
}

/** For a command that keeps a system running: what it says is for people, and what cannot be written (a full disk) is dropped. */
export function dropUnwritable(): void {
  isDropping = true;
  process.stderr.on("error", () => {});
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Text for people, or one JSON value a line. */
export function show(isJson: boolean, value: unknown, text: string): void {
  print(isJson ? JSON.stringify(value) : text);
}

/** Columns as wide as what is in them. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("It has to be a whole number.");
  return Number(text);
}

export function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError("It is at most 65535.");
  return port;
}

/** For a line that is to be copied to a shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export interface TargetOptions {
  readonly port?: number;
  readonly dir: string;
  readonly json?: boolean;
}

export const DIR_OPTION = ["--dir <folder>", "the data folder", DEFAULTS.dir] as const;

/** What every command that talks to a running system takes. */
export function withTarget(command: Command): Command {
  return command
    .option("--port <port>", "port of the gateway; default: what the data folder says", portNumber)
    .option(...DIR_OPTION)
    .option("--json", "print JSON");
}

export function withExample(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText("after", `\nExample:\n${examples.map((example) => `  ${example}`).join("\n")}`);
}
