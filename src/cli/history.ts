import type { Command } from "commander";
import { models } from "../checker/models/index.js";
import { checkHelp, checkHistoryFile } from "./check.js";
import { print, wholeNumber } from "./output.js";

interface CheckCommandOptions {
  readonly model?: string;
  readonly exploredMax?: number;
  readonly json?: boolean;
}

export function addCheck(program: Command): void {
  program
    .command("check")
    .description("checks a recorded history for linearizability")
    .argument("<history>", "a file of one operation a line")
    .option(
      "--model <name>",
      `the model to check against: ${models.map((model) => model.name).join(", ")}; default: told from the operations`,
    )
    .option("--explored-max <n>", "configurations to enter for each part before giving up", wholeNumber)
    .option("--json", "print JSON")
    .addHelpText("after", `\n${checkHelp.trim()}`)
    .action((path: string, options: CheckCommandOptions) => {
      const report = checkHistoryFile(path, {
        ...(options.model === undefined ? {} : { model: options.model }),
        ...(options.exploredMax === undefined ? {} : { exploredMax: options.exploredMax }),
      });
      print(options.json === true ? JSON.stringify(report.json) : report.text);
      process.exitCode = report.exitCode;
    });
}
