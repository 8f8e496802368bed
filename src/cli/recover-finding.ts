import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunConfig } from "../config/run-config.js";
import { loadTable } from "../lfd/process/table-file.js";
import type { FoundStore, RecoveryInput } from "../rm/core/recovery-plan.js";
import { readEvents } from "../rm/process/event-log.js";
import { openEmbeddedStore, StoreUnsupported } from "../rm/process/embedded-store.js";
import { createDisk } from "../runtime/disk.js";
import { reasonOf } from "../runtime/error-code.js";
import { randomId } from "../runtime/random.js";
import { readKnowledge } from "../storage/replica-knowledge.js";
import { bootId, hostId, isName, type ReplicaId, replicaId } from "../vocabulary/ids.js";
import type { GroupSpec } from "../vocabulary/spec.js";
import { lookInto } from "./folder-look.js";
import { field } from "./gateway-api.js";

/** Reads everything that a recovery stands on. Nothing is changed. */
export async function findAll(dir: string, config: RunConfig, spec: GroupSpec): Promise<RecoveryInput> {
  const store = await findStore(dir, config);
  return {
    clusterId: config.clusterId,
    owner: bootId(randomId()),
    host: hostId("host-1"),
    hosts: new Map(),
    detectors: config.detectors,
    spec,
    store,
    replicas: replicaFolders(dir).flatMap(
      (replica) => readKnowledge(lookInto(join(dir, "replicas", replica, "data")), replica, config.clusterId) ?? [],
    ),
    expected: expectedIn(dir, spec),
    knownTerm: Math.max(0, ...termsIn(dir)),
  };
}

async function findStore(dir: string, config: RunConfig): Promise<FoundStore> {
  try {
    const store = await openEmbeddedStore(createDisk(join(dir, "rm")));
    const { content } = await store.read();
    if (content === null) return { kind: "missing" };
    if (content.clusterId !== config.clusterId) return { kind: "damaged", reason: `it belongs to another system (${content.clusterId})` };
    return { kind: "whole", content };
  } catch (error) {
    return { kind: error instanceof StoreUnsupported ? "unsupported" : "damaged", reason: reasonOf(error) };
  }
}

export function replicaFolders(dir: string): ReplicaId[] {
  const folder = join(dir, "replicas");
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== "set-aside" && isName(entry.name))
    .map(({ name }) => replicaId(name));
}

/** Of earlier recoveries, and of the Replication Managers that have told of themselves. */
function termsIn(dir: string): number[] {
  const folder = join(dir, "recovered");
  const records = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const ofRecords = records.map((name) => field(field(readJson(join(folder, name)), "content"), "term"));
  const ofEvents = readEvents(join(dir, "rm")).map(({ data }) => data?.term);
  return [...ofRecords, ...ofEvents].flatMap((term) => (typeof term === "number" && Number.isSafeInteger(term) ? [term] : []));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null; // Cut off: what it tells of was not done.
  }
}

/** The host's own table: a replica that ran here and has no folder any more is missed. */
function expectedIn(dir: string, spec: GroupSpec): ReplicaId[] {
  try {
    const rows = loadTable(dir)?.rows ?? [];
    return rows.filter((row) => row.group === spec.group).map((row) => row.replica);
  } catch {
    return []; // Damaged as well: then the folders alone speak.
  }
}
