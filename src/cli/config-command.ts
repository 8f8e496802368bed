import type { Command } from "commander";
import { CONFIG_FILES, readConfigFile } from "../config/config-file.js";
import { checkSettings } from "../config/schema.js";
import { EXIT, Failure, print, show, withExample } from "./output.js";

export function addConfig(program: Command): void {
  const config = program.command("config").description("about the configuration file");
  const command = config
    .command("check")
    .description("checks the configuration file and says in words what is wrong")
    .argument("[file]", `the file; default: ${CONFIG_FILES.join(" or ")} in this folder`)
    .option("--json", "print JSON");
  withExample(command, "troupe config check").action(async (file: string | undefined, options: { readonly json?: boolean }) => {
    const found = await readConfigFile(process.cwd(), file);
    if (found === null)
      throw new Failure(EXIT.failed, `There is no ${CONFIG_FILES.join(" or ")} in this folder; \`troupe up\` then takes its defaults.`);
    const checked = checkSettings(found.content, found.path);
    if (checked.ok) {
      show(options.json === true, { file: found.path, ok: true, settings: checked.settings }, `${found.path}: nothing wrong.`);
      return;
    }
    process.exitCode = EXIT.failed;
    if (options.json === true) print(JSON.stringify({ file: found.path, ok: false, errors: checked.errors }));
    else for (const error of checked.errors) process.stderr.write(`${error}\n`);
  });
}
