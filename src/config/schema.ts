import * as z from "zod";
import { isName } from "../vocabulary/ids.js";
import { DEFAULTS, LIMITS } from "../vocabulary/limit.js";
import { COLD_IN_MEMORY, type Durability, type QuorumRule, STYLES, type Style } from "../vocabulary/style.js";

/**
 * The one schema of all settings: flags of `troupe up`, `troupe.config.ts` or `.json`, and what may be changed over HTTP are parts of it.
 * docs/reference/config.md is checked against it.
 */
const HOUR_MS = 3_600_000;

function count(min: number, max: number, meaning: string) {
  return z
    .number(`has to be a whole number (${meaning})`)
    .int(`has to be a whole number (${meaning})`)
    .min(min, `is at least ${min}`)
    .max(max, `is at most ${max}`)
    .describe(meaning);
}

const styleSetting = z
  .enum(STYLES as [Style, ...Style[]], `is one of ${STYLES.join(", ")}`)
  .describe("who executes (every replica, or the primary), and whether backups hold the state");
const quorumSetting = z
  .enum(["majority", "all"] satisfies QuorumRule[], "is one of majority, all")
  .describe("how many replicas must have an entry before it counts");
const durabilitySetting = z
  .enum(["disk", "memory"] satisfies Durability[], "is one of disk, memory")
  .describe("what persisted means: fsync'd, or received; fixed when the group is made");
const replicasSetting = count(1, LIMITS.replicasMax, `wanted number of replicas, 1 to ${LIMITS.replicasMax}`);
const minimumReplicasSetting = count(1, LIMITS.replicasMax, "below this many replicas new work is refused with 503");
const checkpointEntriesSetting = count(100, 10_000_000, "entries between two checkpoints");
const checkpointBytesSetting = count(1_000_000, 1_000_000_000, "bytes of log between two checkpoints; so much of it is kept in memory");
const checkpointIntervalSetting = count(
  0,
  24 * HOUR_MS,
  "milliseconds after which a checkpoint is taken if anything was executed; 0: time is no reason",
);
const transferRateSetting = count(100_000, 10_000_000_000, "bytes a second of a snapshot that go to one new or late replica at most");

const NOTHING = "it names nothing to change";

/** `PATCH /v1/admin/groups/{group}` and `troupe set`. */
export const groupChangeSchema = z
  .strictObject({
    replicas: replicasSetting.optional(),
    style: styleSetting.optional(),
    quorum: quorumSetting.optional(),
    minimumReplicas: minimumReplicasSetting.optional(),
    checkpointEntries: checkpointEntriesSetting.optional(),
    checkpointBytes: checkpointBytesSetting.optional(),
    checkpointIntervalMs: checkpointIntervalSetting.optional(),
    transferBytesPerSecond: transferRateSetting.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, NOTHING);

const heartbeatSetting = count(5, 60_000, "milliseconds between two heartbeats");
const suspicionSetting = count(20, 600_000, "milliseconds of silence after which there is suspicion, at the latest");

/** `PATCH /v1/admin/detectors/{lfd|gfd}`: the two values are set apart or together. */
export const detectorChangeSchema = z
  .strictObject({ heartbeatIntervalMs: heartbeatSetting.optional(), suspicionTimeoutMs: suspicionSetting.optional() })
  .refine((change) => Object.keys(change).length > 0, NOTHING)
  .refine(timeoutIsLonger, { message: timeoutRule(), path: ["suspicionTimeoutMs"] });

/** `PATCH /v1/admin/settings`: what belongs to several groups and detectors, all or nothing. */
export const settingsChangeSchema = z
  .strictObject({
    groups: z.record(z.string().refine(isName, "is no name of a group"), groupChangeSchema).optional(),
    detectors: z.strictObject({ lfd: detectorChangeSchema.optional(), gfd: detectorChangeSchema.optional() }).optional(),
  })
  .refine(({ groups = {}, detectors = {} }) => Object.keys(groups).length + Object.keys(detectors).length > 0, NOTHING);

function timeoutRule(): string {
  return "has to be at least twice heartbeatIntervalMs, or one late heartbeat would be a suspicion";
}

function timeoutIsLonger(knobs: { heartbeatIntervalMs?: number | undefined; suspicionTimeoutMs?: number | undefined }): boolean {
  if (knobs.heartbeatIntervalMs === undefined || knobs.suspicionTimeoutMs === undefined) return true;
  return knobs.suspicionTimeoutMs >= 2 * knobs.heartbeatIntervalMs;
}

function detectorSettings(defaults: { heartbeatIntervalMs: number; suspicionTimeoutMs: number }) {
  return z
    .strictObject({
      heartbeatIntervalMs: heartbeatSetting.default(defaults.heartbeatIntervalMs),
      suspicionTimeoutMs: suspicionSetting.default(defaults.suspicionTimeoutMs),
    })
    .refine(timeoutIsLonger, { message: timeoutRule(), path: ["suspicionTimeoutMs"] })
    .prefault({});
}

export const settingsSchema = z
  .strictObject({
    service: z.string().min(1).default("bank").describe("bank, counter, kv, or the path of a service file"),
    group: z
      .string()
      .refine(isName, "is a lower-case letter, then at most 62 lower-case letters, digits and dashes")
      .optional()
      .describe("name of the group; the service's own by default"),
    replicas: replicasSetting.default(DEFAULTS.replicas),
    style: styleSetting.default("warm-passive"),
    durability: durabilitySetting.default("disk"),
    quorum: quorumSetting.default("majority"),
    minimumReplicas: minimumReplicasSetting
      .optional()
      .describe("below this many replicas new work is refused with 503; 1 with disk, 2 with memory and more than one replica"),
    checkpointEntries: checkpointEntriesSetting.default(DEFAULTS.checkpointEntries),
    checkpointBytes: checkpointBytesSetting.default(LIMITS.logBytesMax),
    checkpointIntervalMs: checkpointIntervalSetting.default(0),
    transferBytesPerSecond: transferRateSetting.default(DEFAULTS.transferBytesPerSecond),
    handlerTimeoutMs: count(10, HOUR_MS, "milliseconds a handler may take in passive style").default(DEFAULTS.handlerTimeoutMs),
    onLoss: z
      .enum(["wait", "continue"], "is one of wait, continue")
      .default("wait")
      .describe("when acknowledged work may be lost: wait for `troupe recover`, or go on from the best survivor"),
    dir: z.string().min(1).default(DEFAULTS.dir).describe("the data folder"),
    host: z.string().min(1).default("127.0.0.1").describe("where the gateway listens"),
    port: count(0, 65_535, "port of the gateway; 0 takes a free one").default(DEFAULTS.port),
    insecureNetwork: z.boolean().default(false).describe("allows a host other than this machine, without TLS"),
    load: z.boolean().default(false).describe("runs the bank's workload"),
    requestTimeoutMs: count(10, HOUR_MS, "milliseconds after which a request fails with an unknown outcome").default(
      DEFAULTS.requestTimeoutMs,
    ),
    killGraceMs: count(0, HOUR_MS, "milliseconds before an evicted server is killed").default(DEFAULTS.killGraceMs),
    stoppedGraceMs: count(0, HOUR_MS, "milliseconds that a stopped process is given before it is suspected").default(
      DEFAULTS.stoppedGraceMs,
    ),
    sessionExpiryMs: count(1_000, 30 * 24 * HOUR_MS, "milliseconds after which an idle session is forgotten").default(
      DEFAULTS.sessionExpiryMs,
    ),
    keyExpiryMs: count(1_000, 30 * 24 * HOUR_MS, "milliseconds for which an Idempotency-Key is remembered").default(DEFAULTS.keyExpiryMs),
    keysMax: count(1, LIMITS.keysMax, "Idempotency-Keys remembered at most; beyond it new ones get 429").default(LIMITS.keysMax),
    detectors: z.strictObject({ lfd: detectorSettings(DEFAULTS.lfd), gfd: detectorSettings(DEFAULTS.gfd) }).prefault({}),
  })
  .refine((settings) => settings.insecureNetwork || isLoopback(settings.host), {
    message:
      "is not this machine, and nothing here is encrypted or asks who calls; use 127.0.0.1, or say insecureNetwork if the network is trusted",
    path: ["host"],
  })
  .refine((settings) => settings.minimumReplicas === undefined || settings.replicas < 1 || settings.minimumReplicas <= settings.replicas, {
    message: "is more than replicas: the group would never take new work",
    path: ["minimumReplicas"],
  })
  .refine((settings) => settings.keyExpiryMs >= 2 * settings.requestTimeoutMs, {
    message:
      "has to be at least twice requestTimeoutMs, or a key could be forgotten while its request is still tried, and be executed again",
    path: ["keyExpiryMs"],
  })
  .refine((settings) => settings.style !== "cold-passive" || settings.durability === "disk", {
    message: `cannot be cold-passive here: ${COLD_IN_MEMORY}`,
    path: ["style"],
  });

/** The view that was looked at when a loss was accepted. */
export const lossSchema = z.strictObject({
  epoch: z.tuple([z.int().min(0), z.int().min(0)], { message: "has to be the two numbers that status shows" }),
});

/** What a file or flags may say: everything optional. */
export type SettingsInput = z.input<typeof settingsSchema>;
/** Everything decided. */
export type Settings = z.output<typeof settingsSchema>;

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Checks settings; the errors are sentences that name the setting and where it was found. */
export function checkSettings(input: unknown, source: string): { ok: true; settings: Settings } | { ok: false; errors: string[] } {
  const parsed = settingsSchema.safeParse(input);
  if (parsed.success) return { ok: true, settings: parsed.data };
  return { ok: false, errors: parsed.error.issues.map((issue) => `${source}: ${sentenceOf(issue)}`) };
}

/** One problem in words. */
export function sentenceOf(issue: z.core.$ZodIssue): string {
  const name = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const where = name === "" ? "" : ` in ${name}`;
    return `there is no setting ${issue.keys.join(", ")}${where}; see docs/reference/config.md for all of them`;
  }
  const message = /^(Invalid|Too|Expected)/.test(issue.message) ? `is wrong: ${issue.message}` : issue.message;
  return name === "" ? message : `${name} ${message}`;
}

/** What is wrong with a change of the running system, in words. Where a name is wrong, that nothing is left to change is no news. */
export function problemsOf(issues: readonly z.core.$ZodIssue[]): string {
  const wrongNames = issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : []));
  if (wrongNames.length === 0) return issues.map(sentenceOf).join("; ");
  return `there is no setting ${wrongNames.join(", ")} that can be changed while the system runs; see docs/reference/config.md`;
}

/** Every setting by its path with its meaning and default: for the documents and `troupe config check`. */
export function listSettings(): { name: string; meaning: string }[] {
  return listOf("", settingsSchema.shape);
}

function listOf(prefix: string, shape: Readonly<Record<string, z.core.$ZodType>>): { name: string; meaning: string }[] {
  return Object.entries(shape).flatMap(([key, type]) => {
    const inner = unwrap(type);
    if (inner instanceof z.ZodObject) return listOf(`${prefix}${key}.`, inner.shape);
    const own = type instanceof z.ZodType ? type.description : undefined;
    return [{ name: `${prefix}${key}`, meaning: own ?? (inner instanceof z.ZodType ? inner.description : undefined) ?? "" }];
  });
}

function unwrap(type: z.core.$ZodType): z.core.$ZodType {
  let current = type;
  while (current instanceof z.ZodDefault || current instanceof z.ZodOptional || current instanceof z.ZodPrefault)
    current = current.unwrap();
  return current;
}
