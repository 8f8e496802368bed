import { createRequire } from "node:module";
import { Script } from "node:vm";
import { type AnyService, checkService, exportedService } from "../service/define-service.js";
import * as troupe from "../service/index.js";
import { cryptoStandIns, osStandIns, outside } from "./host-globals.js";

/** The text of a service, bundled as one CommonJS module (`SERVICE_BUNDLE`), and where it came from. */
export interface ServiceText {
  readonly text: string;
  /** For its stack traces. */
  readonly file: string;
}

/** Options for the bundler with which a text fits `serviceMaker`. */
export const SERVICE_BUNDLE = {
  format: "cjs" as const,
  banner: {},
  external: ["troupe", "troupe/*"],
  // What a handler imports only when it runs passes the guard as well.
  supported: { "dynamic-import": false },
  define: { "import.meta.url": "troupeModuleUrl" },
};

/**
 * Gives what loads the service anew at each call, with variables of its own: each server process has its own, and a restarted one has forgotten
 * them. Throws in words when it is no service.
 */
export function serviceMaker({ text, file }: ServiceText): () => AnyService {
  const wrapper: unknown = new Script(`(function (module, exports, require, troupeModuleUrl) {${text}\n})`, {
    filename: file,
  }).runInThisContext();
  if (typeof wrapper !== "function") throw new Error(`${file} cannot be run.`);
  const url = new URL(`file://${file}`).href;
  return () => {
    const module: { exports: unknown } = { exports: {} };
    Reflect.apply(wrapper, undefined, [module, module.exports, requireGuarded, url]);
    // The bundler makes CommonJS of it, if it is not already.
    const service = exportedService(module.exports);
    const problem = checkService(service);
    if (problem !== null) throw new Error(`${file} is no service: ${problem}.`);
    // `checkService` has said that it is one.
    return service as AnyService;
  };
}

const requireReal = createRequire(import.meta.url);
const guarded = new Map<string, unknown>();

function requireGuarded(name: string): unknown {
  if (name === "troupe") return troupe;
  if (name.startsWith("troupe/")) throw new Error(`a service imports ${name}, which is not for services`);
  const short = name.replace(/^node:/, "");
  let module = guarded.get(short);
  if (module === undefined) {
    module = guard(short, requireReal(name));
    guarded.set(short, module);
  }
  return module;
}

/** Node's modules that reach outside a process, or wait. */
const OUTSIDE: ReadonlySet<string> = new Set(
  "fs fs/promises net tls http https http2 dgram dns dns/promises child_process cluster worker_threads timers timers/promises readline readline/promises inspector".split(
    " ",
  ),
);

function guard(name: string, real: unknown): unknown {
  if (typeof real !== "object" && typeof real !== "function") return real;
  if (real === null) return real;
  const standIns = name === "crypto" ? cryptoStandIns(real) : name === "os" ? osStandIns(real) : null;
  if (standIns !== null) return overlay(real, (key) => standIns[key] ?? Reflect.get(real, key));
  if (!OUTSIDE.has(name)) return real;
  return overlay(real, (key) => {
    const value: unknown = Reflect.get(real, key);
    return key === "promises" ? guard(`${name}/promises`, value) : outside(`${name}.${key}`, value);
  });
}

/** An object with the same names. */
function overlay(real: object, partAt: (key: string) => unknown): object {
  const copy = {};
  for (const key of Object.getOwnPropertyNames(real)) {
    let value: unknown;
    let isKnown = false;
    const get = (): unknown => {
      if (!isKnown) value = partAt(key);
      isKnown = true;
      return value;
    };
    Object.defineProperty(copy, key, { get, enumerable: true, configurable: true });
  }
  return copy;
}
