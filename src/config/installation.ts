import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this installation of Troupe: the same from `src/` and from `dist/`. */
export const INSTALLATION = fileURLToPath(new URL("../..", import.meta.url));

/** The services that come with Troupe, by the name that `troupe up` takes. */
export const EXAMPLES: readonly string[] = ["bank", "counter", "kv"];

export function examplePath(name: string, file = `${name}.ts`): string {
  return join(INSTALLATION, "examples", name, file);
}

export function installedVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(INSTALLATION, "package.json"), "utf8"));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined;
  return typeof version === "string" ? version : "unknown";
}

/** The entry of the built commands: what every process of a system is started from. */
export function commandEntry(): string {
  const path = join(INSTALLATION, "dist", "programs", "cli.js");
  if (!existsSync(path)) throw new Error(`${path} is missing: build this installation first (npm run build).`);
  return path;
}
