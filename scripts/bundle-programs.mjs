// Part of `npm run build`, after the compiler: makes the commands and the five components a few files of dist/programs, with the packages that
// they use. A process that loads some hundred modules one by one takes 0.2 s of a processor longer to start, and the one that starts may be a
// replica that clients are waiting for.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const project = fileURLToPath(new URL("../", import.meta.url));
const dist = join(project, "dist");
const programs = join(dist, "programs");

/**
 * What runs in threads of its own, or beside a service that is tried out, is loaded as the compiler left it; so are the classes of refusals: a
 * service's `import "troupe"` finds these files, and its own `instanceof` is to hold for what is thrown into its handlers. (Here they are told by
 * their mark, whichever copy they come from: vocabulary/mark.ts.)
 */
const LEFT_AS_THEY_ARE = /\/dist\/(sim\/|proof\/|cli\/simulate-service\.js|service\/refuse\.js|service\/journal\/refusal\.js)/;

const leaveOthers = {
  name: "leave-others",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^\.\.?\// }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === "asked" || kind === "entry-point") return;
      const found = await resolve(path, { resolveDir, kind, pluginData: "asked" });
      if (!LEFT_AS_THEY_ARE.test(found.path)) return found;
      return { path: relative(programs, found.path), external: true };
    });
  },
};

rmSync(programs, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { cli: join(dist, "cli/index.js") },
  outdir: programs,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // Each finds a binary beside itself.
  external: ["esbuild", "msgpackr"],
  // They are read as they are: a map would be parsed at each start, and functions keep their names.
  sourcemap: false,
  legalComments: "none",
  metafile: true,
  banner: { js: 'import { createRequire as programRequire } from "node:module"; const require = programRequire(import.meta.url);' },
  plugins: [leaveOthers],
  logLevel: "warning",
});

// Their licences ask that a copy of them carries these words.
const packages = new Set(Object.keys(metafile.inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
writeFileSync(join(programs, "LICENSES.txt"), [...packages].sort().map(licenceOf).join("\n\n"));

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  return `== ${name} ${version} (${license})\n${file === undefined ? "" : readFileSync(join(folder, file), "utf8").trim()}`;
}
