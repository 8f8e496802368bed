import { resolve } from "node:path";
import type { Command } from "commander";
import { stopDetached } from "../supervisor/end.js";
import { DIR_OPTION, show, withExample } from "./output.js";

export function addDown(program: Command): void {
  const command = program
    .command("down")
    .description("ends a running system and everything that belongs to it; its data stays")
    .option(...DIR_OPTION)
    .option("--json", "print JSON");
  withExample(command, "troupe down").action(async (options: { readonly dir: string; readonly json?: boolean }) => {
    const outcome = await stopDetached(resolve(options.dir));
    show(options.json === true, { dir: options.dir, outcome }, outcome === "stopped" ? "stopped" : `nothing was running in ${options.dir}`);
  });
}
