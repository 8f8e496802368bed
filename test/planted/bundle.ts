import { mkdir, readFile, rm } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { type Edit, planted } from "./planted-bug.js";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = join(PROJECT, "src");

/** Simulator and explorer over changed sources. */
export interface Proof {
  readonly runSeed: typeof import("../../src/sim/run.js").runSeed;
  readonly drawPlan: typeof import("../../src/sim/swarm.js").drawPlan;
  readonly explore: typeof import("../../src/explore/exploration.js").explore;
  readonly scopeNamed: typeof import("../../src/explore/scope.js").scopeNamed;
}

const ENTRY = `
export { runSeed } from "./sim/run.ts";
export { drawPlan } from "./sim/swarm.ts";
export { explore } from "./explore/exploration.ts";
export { scopeNamed } from "./explore/scope.ts";
`;

/** Bundles the sources with the edits in them, and loads the bundle: nothing of the edits is ever in a build that others see. */
export async function loadPlanted(name: string, edits: readonly Edit[]): Promise<Proof> {
  const folder = join(PROJECT, ".cache", "planted");
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, `${name}-${process.pid}.mjs`);
  const done = new Set<string>();
  await build({
    stdin: { contents: ENTRY, resolveDir: SOURCE, loader: "ts" },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "silent",
    packages: "external",
    plugins: [planting(edits, done)],
  });
  for (const { file } of edits) if (!done.has(file)) throw new Error(`src/${file} is not part of what is run`);
  try {
    return (await import(pathToFileURL(outfile).href)) as Proof;
  } finally {
    await rm(outfile, { force: true });
  }
}

function planting(edits: readonly Edit[], done: Set<string>): Plugin {
  const files = new Set(edits.map((edit) => edit.file));
  return {
    name: "planting",
    setup(pending) {
      pending.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(SOURCE, path).split(sep).join("/");
        if (!files.has(file)) return null;
        done.add(file);
        return { contents: planted(file, await readFile(path, "utf8"), edits), loader: "ts" };
      });
    },
  };
}
