import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { bundleText, loadExport } from "./bundle.js";

export const CONFIG_FILES: readonly string[] = ["troupe.config.ts", "troupe.config.json"];

export interface ConfigFile {
  readonly path: string;
  readonly content: unknown;
}

/** The configuration file of a folder, or the one that is named; null when there is none. Throws in words when it cannot be read. */
export async function readConfigFile(folder: string, named?: string): Promise<ConfigFile | null> {
  if (named !== undefined && !existsSync(resolve(folder, named))) throw new Error(`There is no configuration file ${named}.`);
  const found = named ?? CONFIG_FILES.find((name) => existsSync(join(folder, name)));
  if (found === undefined) return null;
  const path = resolve(folder, found);
  const content = path.endsWith(".json") ? readJson(path) : await readModule(path);
  return { path, content };
}

/** A path in a file is meant from where the file is. */
export function servicePath(service: string, configPath: string): string {
  return resolve(dirname(configPath), service);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

async function readModule(path: string): Promise<unknown> {
  const text = await bundleText(path, { banner: {} });
  const loaded = await loadExport(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`, basename(path));
  if (loaded === undefined) throw new Error(`${path} has no default export: write \`export default { ... }\`.`);
  return loaded;
}
