import { join } from "node:path";
import { build } from "esbuild";
import { PROJECT } from "./installation.js";

/** Makes one JavaScript file of a TypeScript program of this folder, which any Node runs. */
export async function bundleProgram(name: string): Promise<string> {
  const outfile = join(PROJECT, ".cache", "fault-scenarios", `${name}-${process.pid}.mjs`);
  await build({
    entryPoints: [join(PROJECT, "test/process/harness", `${name}.ts`)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    alias: { "troupe/client": join(PROJECT, "src/client/index.ts") },
  });
  return outfile;
}
