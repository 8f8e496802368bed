// Bundles the measurements of this folder and runs one of them.
//   node bench/run.mjs NAME [options]
// The programs of the system itself are those of dist/: build first.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const project = fileURLToPath(new URL("../", import.meta.url));
const names = readdirSync(join(project, "bench"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length));

const name = process.argv[2];
if (name === "--help") {
  console.log(`usage: node bench/run.mjs NAME [options]; NAME --help tells the options\nNAME: ${names.join(", ")}`);
  process.exit(0);
}
if (name === undefined || !names.includes(name)) {
  console.error(`Say what to measure: ${names.join(", ")}.`);
  process.exit(2);
}

// In the project's folder, so that packages are found beside it.
const outdir = join(project, ".cache", "bench", `programs-${process.pid}`);
mkdirSync(outdir, { recursive: true });
process.on("exit", () => rmSync(outdir, { recursive: true, force: true }));
await build({
  entryPoints: {
    [name]: join(project, "bench", `${name}.ts`),
    "relay-member": join(project, "bench/lib/relay-member.ts"),
    "recovery-member": join(project, "bench/lib/recovery-member.ts"),
  },
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
  alias: {
    troupe: join(project, "src/service/index.ts"),
    "troupe/client": join(project, "src/client/index.ts"),
  },
});
process.env.TROUPE_BENCH_PROJECT = project;
const { main } = await import(pathToFileURL(join(outdir, `${name}.mjs`)).href);
await main(process.argv.slice(3));
process.exit(0);
