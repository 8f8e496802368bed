import type { BackupDescription } from "../storage/inspection-backup.js";
import { wordsOfView } from "../storage/inspection-log.js";

/** What a backup says of itself, in words. */
export function backupText({ record }: BackupDescription): string[] {
  if (!record.ok) return [`backup     ${record.problem}`];
  const { clusterId, spec, view, snapshot, takenAtMs } = record.value;
  return [
    `backup     of group ${spec.group}, taken ${new Date(takenAtMs).toISOString()} in cluster ${clusterId}`,
    `service    ${spec.service.name} ${spec.service.hash.slice(0, 12)}, ${spec.replicas} replicas wanted, at least ${spec.minimumReplicas}, quorum ${spec.quorum}, durability ${spec.durability}, checkpoint each ${spec.checkpointEntries} entries`,
    `view       ${wordsOfView(view)}`,
    `holds      index ${snapshot.index} of epoch ${snapshot.epoch.join(".")}, ${snapshot.sizeBytes} bytes`,
  ];
}
