import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type BuildFailure, type BuildOptions, formatMessages } from "esbuild";
import { INSTALLATION } from "./installation.js";

/** One JavaScript file with all its imports in it, but for Node's own modules and `troupe`. */
export interface Bundle {
  readonly path: string;
  /** SHA-256 of its text, in hex. Nothing of this machine is in the text, so the same code has the same hash everywhere. */
  readonly hash: string;
}

/** Bundles a TypeScript or JavaScript file into DIR/services/HASH.mjs. Throws an error that says where the code does not compile. */
export async function bundleFile(source: string, dir: string): Promise<Bundle> {
  const text = await bundleText(source, { external: ["troupe", "troupe/*"] });
  const hash = createHash("sha256").update(text).digest("hex");
  const folder = join(dir, "services");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  linkInstallation(folder);
  const path = join(folder, `${hash}.mjs`);
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return { path, hash };
}

/** The bundled text of a file. */
export async function bundleText(source: string, options: BuildOptions = {}): Promise<string> {
  const path = resolve(source);
  try {
    const built = await build({
      entryPoints: [path],
      // Comments in the text name its files relative to this.
      absWorkingDir: dirname(path),
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      legalComments: "none",
      charset: "utf8",
      write: false,
      logLevel: "silent",
      // CommonJS packages in the bundle may ask for Node's modules.
      banner: {
        js: 'import { createRequire as troupeCreateRequire } from "node:module";\nconst require = troupeCreateRequire(import.meta.url);',
      },
      ...options,
    });
    return built.outputFiles?.[0]?.text ?? "";
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const messages = await formatMessages([...error.errors], { kind: "error", color: false });
    throw new Error(`${basename(path)} does not compile:\n${messages.join("").trim()}${hintFor(error)}`);
  }
}

/** Only where the text has to be run in one go: `troupe up` loads a service as a module, which may wait. */
function hintFor({ errors }: BuildFailure): string {
  if (!errors.some(({ text }) => text.startsWith("Top-level await"))) return "";
  return "\nThe simulated world cannot wait while it loads a service: move what is awaited into a handler, or read it without `await`.";
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

/** `import ... from "troupe"` in a bundle means the installation that runs it, wherever that is. */
function linkInstallation(folder: string): void {
  const modules = join(folder, "node_modules");
  const link = join(modules, "troupe");
  mkdirSync(modules, { recursive: true, mode: 0o700 });
  const target = INSTALLATION.replace(/\/$/, "");
  if (linkTarget(link) === target) return;
  rmSync(link, { force: true });
  symlinkSync(target, link, "dir");
}

function linkTarget(link: string): string | null {
  try {
    return lstatSync(link).isSymbolicLink() ? readlinkSync(link) : null;
  } catch {
    return null;
  }
}

/** The default (or another) export of a bundle; undefined when there is none. Throws in words when the bundle throws while it is loaded. */
export async function loadExport(path: string, name: string, exported = "default"): Promise<unknown> {
  const url = path.startsWith("data:") ? path : pathToFileURL(path).href;
  try {
    const loaded: unknown = await import(url);
    return typeof loaded === "object" && loaded !== null ? Reflect.get(loaded, exported) : undefined;
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${name} throws when it is loaded:\n${reason}`);
  }
}
