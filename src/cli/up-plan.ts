import { createServer } from "node:net";
import { readConfigFile, servicePath } from "../config/config-file.js";
import { EXAMPLES } from "../config/installation.js";
import type { RunConfig } from "../config/run-config.js";
import { checkSettings, type Settings } from "../config/schema.js";
import { bundleService, checkAgainstData, type ServiceBundle, type ServiceJudge } from "../config/service-bundle.js";
import { reasonOf } from "../runtime/error-code.js";
import { type AnyService, checkService, exportedService, stylesOf } from "../service/define-service.js";
import { serviceMachine } from "../service/service-machine.js";
import { renewClusterId } from "../supervisor/claim.js";
import { type ClusterId, groupName } from "../vocabulary/ids.js";
import { snapshotKnobsOf } from "../vocabulary/spec.js";
import { EXIT, Failure } from "./output.js";
import { removeData } from "./up-fresh.js";

/** What the command line says; only what was given is there. */
export interface UpFlags {
  readonly service?: string;
  readonly group?: string;
  readonly replicas?: number;
  readonly style?: string;
  readonly durability?: string;
  readonly quorum?: string;
  readonly minimumReplicas?: number;
  readonly host?: string;
  readonly port?: number;
  readonly dir?: string;
  readonly load?: boolean;
  readonly insecureNetwork?: boolean;
  readonly config?: string;
  readonly fresh?: boolean;
  readonly detach?: boolean;
  readonly json?: boolean;
}

const NOT_SETTINGS: readonly string[] = ["config", "fresh", "detach", "json"];

/** Defaults, then the configuration file, then flags. Throws all that is wrong, in words. */
export async function decideSettings(folder: string, flags: UpFlags): Promise<Settings> {
  const file = await readConfigFile(folder, flags.config);
  if (file !== null && (typeof file.content !== "object" || file.content === null || Array.isArray(file.content)))
    throw new Failure(EXIT.usage, `${file.path} has to hold an object of settings; see docs/reference/config.md.`);
  const given = Object.fromEntries(Object.entries(flags).filter(([name, value]) => value !== undefined && !NOT_SETTINGS.includes(name)));
  const content = file === null ? {} : withServicePath(file.content as object, file.path);
  const checked = checkSettings({ ...content, ...given }, file === null ? "up" : `up with ${file.path}`);
  if (!checked.ok) throw new Failure(EXIT.usage, checked.errors.join("\n"));
  return checked.settings;
}

function withServicePath(content: object, path: string): object {
  const service = "service" in content ? content.service : undefined;
  if (typeof service !== "string" || EXAMPLES.includes(service)) return content;
  return { ...content, service: servicePath(service, path) };
}

/** Each replica would die of it at its start. */
function checkFirstState(service: AnyService): string | null {
  try {
    serviceMachine(service);
    return null;
  } catch (error) {
    return `its first state cannot be made: ${reasonOf(error)}`;
  }
}

const judge: ServiceJudge = {
  check: (value) => checkService(exportedService(value)) ?? checkFirstState(exportedService(value) as AnyService),
  describe(value) {
    // `check` has said that it is one.
    const service = exportedService(value) as AnyService;
    return {
      name: service.name,
      styles: stylesOf(service),
      operations: Object.keys(service.operations),
      queries: Object.keys(service.queries),
    };
  },
};

/** Bundles the service and makes the configuration of all components. `dir` is claimed. Throws in words; then nothing has changed in the folder's data. */
export async function planRun(settings: Settings, dir: string, clusterId: ClusterId, isFresh: boolean): Promise<RunConfig> {
  const bundle = await bundleService(settings.service, dir, judge);
  if (!bundle.code.styles.includes(settings.style))
    throw new Failure(
      EXIT.failed,
      `The service ${bundle.code.name} does not run in style ${settings.style}: it declares ${bundle.code.styles.join(", ")}. Choose with --style.`,
    );
  if (settings.load && bundle.code.name !== "bank")
    throw new Failure(
      EXIT.usage,
      "--load runs the bank's workload, and this service is no bank. Start it without --load, and bring your own clients.",
    );
  const group = settings.group ?? bundle.code.name;
  const refusal = isFresh ? null : checkAgainstData(dir, group, bundle.code.hash, settings.durability);
  if (refusal !== null) throw new Failure(EXIT.failed, refusal);
  await checkPort(settings.host, settings.port);
  if (!isFresh) return configOf(settings, group, bundle, clusterId);
  removeData(dir);
  return configOf(settings, group, bundle, renewClusterId(dir));
}

function configOf(settings: Settings, group: string, bundle: ServiceBundle, clusterId: ClusterId): RunConfig {
  const { style, replicas, quorum, durability, handlerTimeoutMs, onLoss } = settings;
  const minimumReplicas = settings.minimumReplicas ?? (durability === "memory" && replicas > 1 ? 2 : 1);
  const spec = {
    group: groupName(group),
    service: bundle.code,
    style,
    replicas,
    minimumReplicas,
    quorum,
    durability,
    ...snapshotKnobsOf(settings),
    handlerTimeoutMs,
    onLoss,
  };
  const { killGraceMs, stoppedGraceMs, requestTimeoutMs, sessionExpiryMs, keyExpiryMs, keysMax } = settings;
  return {
    formatVersion: 1,
    clusterId,
    groups: [spec],
    services: { [group]: bundle.names },
    gateway: { host: settings.host, port: settings.port },
    detectors: settings.detectors,
    killGraceMs,
    stoppedGraceMs,
    requestTimeoutMs,
    sessionExpiryMs,
    keyExpiryMs,
    keysMax,
  };
}

/** Said before anything is started, in words, rather than found in a log. */
async function checkPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const code = await new Promise<string | null>((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => done(null)));
  });
  if (code === null) return;
  if (code === "EADDRINUSE")
    throw new Failure(
      EXIT.failed,
      `Port ${port} is taken: by another \`troupe up\`, or another program. Choose one with --port; 0 takes a free one.`,
    );
  throw new Failure(EXIT.failed, `The gateway cannot listen on ${host}:${port} (${code}). Choose another with --host and --port.`);
}
