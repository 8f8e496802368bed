import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const project = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(project, ".cache", "planted");
mkdirSync(folder, { recursive: true });
const outfile = join(folder, `main-${process.pid}.mjs`);
await build({
  entryPoints: [join(project, "test/planted/main.ts")],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
});
await import(pathToFileURL(outfile).href);
