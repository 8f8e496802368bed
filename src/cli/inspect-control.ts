import { viewShape } from "../codec/view-shape.js";
import type { ControlEntry, FileDescription } from "../storage/inspection.js";
import { wordsOfView } from "../storage/inspection-log.js";
import { field } from "./gateway-api.js";

const FORMAT_VERSION = 1;
const GROUP_PREFIX = "group/";

/** Why this release would not use a store with this content, or null. */
export function controlProblem(entries: readonly ControlEntry[]): string | null {
  const head = entries.find(({ key }) => key === "head");
  if (head === undefined) return "it has no head: neither term nor revision are known";
  const version = field(head.value, "formatVersion");
  if (version !== FORMAT_VERSION) return `its content has format version ${String(version)}; this release reads version ${FORMAT_VERSION}`;
  const strange = entries.filter(({ key }) => key !== "head" && !key.startsWith(GROUP_PREFIX)).map(({ key }) => JSON.stringify(key));
  return strange.length === 0 ? null : `it holds what this release does not know: ${strange.join(", ")}`;
}

/** The control store in words. */
export function controlText(control: FileDescription<readonly ControlEntry[]>): string[] {
  if (!control.ok) return [`control    ${control.problem}`];
  return control.value.flatMap((entry) => {
    if (entry.key === "head") return headText(entry.value);
    return entry.key.startsWith(GROUP_PREFIX) ? groupText(entry) : [`unknown    ${JSON.stringify(entry.key)}, ${entry.sizeBytes} bytes`];
  });
}

function headText(head: unknown): string[] {
  const [revision, term, owner, clusterId] = ["revision", "term", "owner", "clusterId"].map((name) => String(field(head, name)));
  const hosts = listOf(field(head, "hosts")).map(String);
  const detectors = ["lfd", "gfd"].map((name) => {
    const knobs = field(field(head, "detectors"), name);
    return `${name} every ${String(field(knobs, "heartbeatIntervalMs"))} ms, suspects after ${String(field(knobs, "suspicionTimeoutMs"))} ms`;
  });
  return [
    `control    revision ${revision}, term ${term}, owner ${owner}, cluster ${clusterId}`,
    `hosts      ${hosts.join(", ") || "none"}`,
    `detectors  ${detectors.join("; ")}`,
  ];
}

function groupText({ key, sizeBytes, value }: ControlEntry): string[] {
  const spec = field(value, "spec");
  const of = (name: string): string => String(field(spec, name));
  const service = field(spec, "service");
  const view = field(value, "activeView");
  const replicas = listOf(field(value, "replicas")).map(
    (record) =>
      `${String(field(record, "replica"))} on ${String(field(record, "host"))}${field(record, "leaving") === true ? " (leaving)" : ""}`,
  );
  const founders = listOf(field(value, "founders")).map((member) => String(field(member, "replica")));
  return [
    `group      ${key.slice(GROUP_PREFIX.length)} (${sizeBytes} bytes): service ${String(field(service, "name"))} ${String(field(service, "hash")).slice(0, 12)}, ${of("style")}, ${of("replicas")} replicas wanted, at least ${of("minimumReplicas")}, quorum ${of("quorum")}, durability ${of("durability")}, checkpoint each ${of("checkpointEntries")} entries`,
    `  view      ${view === null ? "none yet" : viewShape(view) ? wordsOfView(view) : "NOT A VIEW of this version"}`,
    `  replicas  ${replicas.join(", ") || "none"}; the next gets number ${String(field(value, "nextReplicaNumber"))}`,
    `  founders  ${founders.join(", ") || "none"}`,
  ];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
