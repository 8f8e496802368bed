import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterId, HostId } from "../vocabulary/ids.js";
import { DEFAULTS, LIMITS } from "../vocabulary/limit.js";
import type { DetectorKnobs, GroupSpec } from "../vocabulary/spec.js";

/** What a service answers to; known from its bundle, so that a gateway can say 404 without asking a replica. */
export interface ServiceNames {
  readonly operations: readonly string[];
  readonly queries: readonly string[];
}

/**
 * `DIR/config.json`: what `troupe up` has made of flags, configuration file and defaults; every component reads its part of it at its start.
 * What is changed while the system runs lives in the Replication Manager's store, which wins over this file.
 */
export interface RunConfig {
  readonly formatVersion: 1;
  readonly clusterId: ClusterId;
  readonly groups: readonly GroupSpec[];
  /** Where there are to be Local Fault Detectors. Default: hosts are known once they have reported. */
  readonly hosts?: readonly HostId[];
  /** By group name. */
  readonly services: Readonly<Record<string, ServiceNames>>;
  readonly gateway: { readonly host: string; readonly port: number };
  readonly detectors: { readonly lfd: DetectorKnobs; readonly gfd: DetectorKnobs };
  readonly killGraceMs: number;
  readonly stoppedGraceMs: number;
  readonly requestTimeoutMs: number;
  readonly sessionExpiryMs: number;
  readonly keyExpiryMs: number;
  readonly keysMax: number;
}

/** For a group whose data is there before any `up` ran: the next one writes its own, and finds here what the data is of. */
export function defaultRunConfig(clusterId: ClusterId, spec: GroupSpec): RunConfig {
  const { port, lfd, gfd, killGraceMs, stoppedGraceMs, requestTimeoutMs, sessionExpiryMs, keyExpiryMs } = DEFAULTS;
  return {
    formatVersion: 1,
    clusterId,
    groups: [spec],
    services: { [spec.group]: { operations: [], queries: [] } },
    gateway: { host: "127.0.0.1", port },
    detectors: { lfd, gfd },
    killGraceMs,
    stoppedGraceMs,
    requestTimeoutMs,
    sessionExpiryMs,
    keyExpiryMs,
    keysMax: LIMITS.keysMax,
  };
}

export const RUN_CONFIG_FILE = "config.json";

export function writeRunConfig(dir: string, config: RunConfig): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, RUN_CONFIG_FILE);
  // A power cut leaves the file of before or this one, never an empty one.
  writeFileSync(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}

/** Throws with a sentence for the reader when the file is missing or is not ours. */
export function readRunConfig(dir: string): RunConfig {
  const path = join(dir, RUN_CONFIG_FILE);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${path} cannot be read (${reason}). Is this the data folder of a system? \`troupe up\` makes one.`);
  }
  if (!isRunConfig(parsed))
    throw new Error(`${path} is not a configuration of this version of Troupe. Start with \`troupe up\`, which writes it anew.`);
  return parsed;
}

function isRunConfig(value: unknown): value is RunConfig {
  return (
    typeof value === "object" &&
    value !== null &&
    "formatVersion" in value &&
    value.formatVersion === 1 &&
    "groups" in value &&
    Array.isArray(value.groups)
  );
}
