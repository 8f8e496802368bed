import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { ServiceCode } from "../vocabulary/spec.js";
import type { Durability, Style } from "../vocabulary/style.js";
import { bundleFile, loadExport } from "./bundle.js";
import { EXAMPLES, examplePath } from "./installation.js";
import { RUN_CONFIG_FILE, readRunConfig, type ServiceNames } from "./run-config.js";

/** A service's code and what it says of itself. */
export interface ServiceBundle {
  readonly code: ServiceCode;
  readonly names: ServiceNames;
}

/** How a default export is judged; `src/service` does it, and this folder does not know services. */
export interface ServiceJudge {
  /** Why it is no service, or null. */
  check(value: unknown): string | null;
  describe(value: unknown): { readonly name: string; readonly styles: readonly Style[] } & ServiceNames;
}

/** Bundles `bank`, `counter`, `kv` or a service file into DIR/services and reads its name, styles, operations and queries. Throws in words. */
export async function bundleService(service: string, dir: string, judge: ServiceJudge): Promise<ServiceBundle> {
  const source = EXAMPLES.includes(service) ? examplePath(service) : service;
  if (!existsSync(source))
    throw new Error(
      `There is no service ${service}: it is neither a file nor one of ${EXAMPLES.join(", ")}. Give the path of a service file, such as ./orders.ts.`,
    );
  const bundle = await bundleFile(source, dir);
  const loaded = await loadExport(bundle.path, basename(source));
  const problem = judge.check(loaded);
  if (problem !== null) throw new Error(`${basename(source)} is no service: ${problem}.`);
  const { name, styles, operations, queries } = judge.describe(loaded);
  return { code: { name, hash: bundle.hash, path: bundle.path, styles }, names: { operations, queries } };
}

/**
 * Why this code must not be started on the data that is there, or null. Other code may read the old log otherwise than the code that
 * wrote it; durability is fixed when the group is made.
 */
export function checkAgainstData(dir: string, group: string, hash: string, durability: Durability): string | null {
  if (!existsSync(join(dir, RUN_CONFIG_FILE)) || !holdsData(dir)) return null;
  const before = readRunConfig(dir).groups;
  const spec = before.find((each) => each.group === group);
  const others = before.map((each) => each.group).join(", ");
  if (spec === undefined)
    return before.length === 0
      ? null
      : `The data folder ${dir} holds the group ${others}, not ${group}. Use another folder with --dir, or empty this one with --fresh.`;
  if (spec.service.hash !== hash)
    return `The code of ${group} is not the one that wrote the data in ${dir}, and other code cannot take that data over yet. Start it with the code of before; to begin anew and lose the data, add --fresh.`;
  if (spec.durability !== durability)
    return `The group ${group} in ${dir} was made with durability ${spec.durability}, which is fixed. Start it so, or begin anew and lose its data with --fresh.`;
  return null;
}

/** Once the Replication Manager has stored something, there may be a group with data. */
function holdsData(dir: string): boolean {
  return existsSync(join(dir, "rm")) && readdirSync(join(dir, "rm")).length > 0;
}
