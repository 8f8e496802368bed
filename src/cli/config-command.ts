import { statSync } from "node:fs";
import type { Command } from "commander";
import { CONFIG_FILES, readConfigFile, servicePath } from "../config/config-file.js";
import { EXAMPLES } from "../config/installation.js";
import { checkSettings } from "../config/schema.js";
import { reasonOf } from "../runtime/error-code.js";
import { EXIT, Failure, print, show, withExample } from "./output.js";

export function addConfig(program: Command): void {
  const config = program.command("config").description("about the configuration file");
  const command = config
    .command("check")
    .description("checks the configuration file and says in words what is wrong")
    .argument("[file]", `the file; default: ${CONFIG_FILES.join(" or ")} in this folder`)
    .option("--json", "print JSON");
  withExample(command, "troupe config check").action(async (file: string | undefined, options: { readonly json?: boolean }) => {
    const found = await readConfigFile(process.cwd(), file).catch((error: unknown) => {
      throw new Failure(EXIT.usage, reasonOf(error));
    });
    if (found === null)
      throw new Failure(EXIT.failed, `There is no ${CONFIG_FILES.join(" or ")} in this folder; \`troupe up\` then takes its defaults.`);
    const checked = checkSettings(found.content, found.path);
    const missing = checked.ok ? missingService(checked.settings.service, found.path) : null;
    if (checked.ok && missing === null) {
      show(options.json === true, { file: found.path, ok: true, settings: checked.settings }, `${found.path}: nothing wrong.`);
      return;
    }
    const errors = checked.ok ? [`${found.path}: ${missing}`] : checked.errors;
    process.exitCode = EXIT.usage;
    if (options.json === true) print(JSON.stringify({ file: found.path, ok: false, errors }));
    else for (const error of errors) process.stderr.write(`${error}\n`);
  });
}

/** Why `up` would not find the service, or null. Whether the file is a service, only its code can say, which is not run here. */
function missingService(service: string, configPath: string): string | null {
  if (EXAMPLES.includes(service)) return null;
  const path = servicePath(service, configPath);
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return isFile ? null : `service: there is no file ${path}, and it is none of ${EXAMPLES.join(", ")}`;
}
