import { Command, CommanderError } from "commander";
import { addComponents } from "./component-command.js";
import { EXIT, isFailure, onOutputError } from "./output.js";
import { reasonOf } from "../runtime/error-code.js";

/** Errors are a sentence on stderr and an exit code; with --json the error is on stdout as well, as data. */
async function main(): Promise<void> {
  const program = await loadProgram();
  for (const command of [program, ...program.commands, ...program.commands.flatMap((each) => each.commands)]) command.exitOverride();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has printed its message, or the help that was asked for.
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      if (error.exitCode !== 0) tellAsData({ message: error.message });
      return;
    }
    const message = reasonOf(error);
    process.stderr.write(`${message}\n`);
    tellAsData(isFailure(error) && error.data !== undefined ? error.data : { message });
    process.exitCode = isFailure(error) ? error.exitCode : EXIT.failed;
  }
}

function tellAsData(error: unknown): void {
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error })}\n`);
}

/** Clients may be waiting for a component that is started again: it does not load the other commands. */
async function loadProgram(): Promise<Command> {
  const components = addComponents(new Command("troupe"));
  if (components.commands.some((component) => component.name() === process.argv[2])) return components;
  return (await import("./program.js")).createProgram();
}

process.stdout.on("error", onOutputError);

await main();
