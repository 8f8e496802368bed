import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { INSTALLATION } from "../config/installation.js";
import { field } from "./gateway-api.js";
import { EXIT, Failure } from "./output.js";

/** The simulator reads its own arguments. */
export function addSimulate(program: Command): void {
  program
    .command("simulate")
    .description("runs the cores in the simulator, with faults, from a seed")
    .argument("[options...]", "of the simulator; `troupe simulate -- --help` shows them")
    .allowUnknownOption()
    .addHelpText("after", "\nExample:\n  troupe simulate --seed 7")
    .action(async (_: readonly string[], __: unknown, command: Command) => {
      const path = join(INSTALLATION, "dist", "sim", "main.js");
      if (!existsSync(path)) throw new Failure(EXIT.failed, "This installation has no simulator.");
      const loaded: unknown = await import(pathToFileURL(path).href);
      const run = field(loaded, "runSimulation");
      if (typeof run !== "function") throw new Failure(EXIT.failed, "The simulator of this installation cannot be started.");
      const exitCode: unknown = await run(command.args);
      if (typeof exitCode === "number") process.exitCode = exitCode;
    });
}
