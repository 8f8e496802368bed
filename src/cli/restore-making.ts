import { closeSync, existsSync, openSync, readSync, realpathSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultRunConfig, writeRunConfig } from "../config/run-config.js";
import { type ControlContent, emptyContent } from "../rm/core/content.js";
import { writeControlStore } from "../rm/process/embedded-store.js";
import { monotonicMs } from "../runtime/clock.js";
import { createDisk } from "../runtime/disk.js";
import { randomId } from "../runtime/random.js";
import { openReplicaDisk } from "../server/shell/replica-disk.js";
import type { BackupRecord } from "../storage/backup-file.js";
import { snapshotPath } from "../storage/snapshot-file.js";
import type { StoreCommand, StoreResult } from "../storage/store-command.js";
import { bootId, type ClusterId, clusterId, type HostId, hostId, incarnation, replicaId } from "../vocabulary/ids.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { GroupSpec } from "../vocabulary/spec.js";
import { quorumSize } from "../vocabulary/style.js";
import type { Member, View } from "../vocabulary/view.js";
import { replaceDurably, syncFolder } from "../runtime/durable-file.js";
import { makeFolderDurably } from "../runtime/folder.js";
import { EXIT, Failure } from "./output.js";
import { createProgress } from "./progress.js";

export interface Restored {
  readonly generation: number;
  readonly replicas: readonly string[];
}

const HOST: HostId = hostId("host-1");

/** Makes the data folder beside its place and moves it there as a whole: a restore that is cut short leaves no system behind. */
export async function makeRestored(backup: string, record: BackupRecord, place: string): Promise<Restored> {
  // A link to an empty folder stays a link.
  const dir = existsSync(place) ? realpathSync(place) : place;
  const making = `${dir}.restoring-${randomId().slice(0, 8)}`;
  makeFolderDurably(making);
  try {
    const system = clusterId(randomId());
    // What is in memory only cannot be restored to memory of processes that do not run yet.
    const spec: GroupSpec = { ...record.spec, durability: "disk" };
    const view = restoredView(record, spec);
    const tell = createProgress("restore");
    const sizeBytes = record.snapshot.sizeBytes * view.members.length;
    let doneBytes = 0;
    for (const member of view.members) {
      await makeReplica(
        join(making, "replicas", member.replica, "data"),
        join(backup, snapshotPath(record.snapshot.index, record.snapshot.epoch)),
        {
          record,
          view,
          member,
          clusterId: system,
          onBytes(count) {
            doneBytes += count;
            tell(doneBytes, sizeBytes);
          },
        },
      );
    }
    const config = defaultRunConfig(system, spec);
    writeRunConfig(making, config);
    replaceDurably(join(making, "cluster.json"), Buffer.from(`${JSON.stringify({ clusterId: system })}\n`));
    makeFolderDurably(join(making, "rm"));
    await writeControlStore(createDisk(join(making, "rm")), contentOf(spec, view, config));
    publish(making, dir);
    return { generation: view.generation, replicas: view.members.map(({ replica }) => replica) };
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    throw error;
  }
}

/** The next generation, of new incarnations, in an epoch above every entry of the snapshot. */
function restoredView(record: BackupRecord, spec: GroupSpec): View {
  const { view, snapshot } = record;
  const members = Array.from(
    { length: spec.replicas },
    (_, at): Member => ({
      replica: replicaId(`${spec.group}-${at + 1}`),
      incarnation: incarnation(randomId()),
    }),
  );
  const term = Math.max(view.epoch[0], snapshot.epoch[0]) + 1;
  return {
    group: spec.group,
    generation: view.generation + 1,
    epoch: [term, 1],
    members,
    leader: replicaId(`${spec.group}-1`),
    style: spec.style,
    quorum: quorumSize(members.length, spec.quorum),
    durability: spec.durability,
  };
}

function contentOf(spec: GroupSpec, view: View, { clusterId, detectors }: ReturnType<typeof defaultRunConfig>): ControlContent {
  const replicas = view.members.map(({ replica }) => ({ replica, host: HOST, leaving: false }));
  return {
    ...emptyContent(clusterId, bootId(randomId()), detectors),
    term: view.epoch[0],
    hosts: [HOST],
    groups: [{ spec, activeView: view, founders: [], leaderEnds: [], replicas, nextReplicaNumber: replicas.length + 1 }],
  };
}

interface ReplicaToMake {
  readonly record: BackupRecord;
  readonly view: View;
  readonly member: Member;
  readonly clusterId: ClusterId;
  readonly onBytes: (count: number) => void;
}

/** As a learner gets it: the snapshot in slices, checked as a whole and installed; then the view, as the last one known to be active. */
async function makeReplica(folder: string, snapshotFile: string, make: ReplicaToMake): Promise<void> {
  makeFolderDurably(folder);
  const { view, member, record } = make;
  const results: StoreResult[] = [];
  let arrived = (): void => {};
  const config = {
    clusterId: make.clusterId,
    group: view.group,
    replica: member.replica,
    durability: view.durability,
    freshIncarnation: member.incarnation,
  };
  const store = openReplicaDisk(config, createDisk(folder), monotonicMs, (result) => {
    results.push(result);
    arrived();
  });
  async function perform(command: StoreCommand, expected: StoreResult["kind"]): Promise<void> {
    store.submit(command);
    while (results.length === 0)
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    const result = results.shift();
    if (result?.kind !== expected)
      throw new Failure(EXIT.failed, `${folder} could not be made: ${result === undefined ? "nothing" : wordsOf(result)}.`);
  }
  await perform({ kind: "recover" }, "recovered");
  const { index: snapshotIndex, epoch: snapshotEpoch, sizeBytes, checksum } = record.snapshot;
  const file = openSync(snapshotFile, "r");
  try {
    for (let offsetBytes = 0; offsetBytes < sizeBytes; ) {
      const bytes = Buffer.alloc(Math.min(LIMITS.snapshotSliceBytes, sizeBytes - offsetBytes));
      const read = readSync(file, bytes, 0, bytes.length, offsetBytes);
      if (read === 0) throw new Failure(EXIT.failed, `${snapshotFile} ends too early.`);
      const slice = { snapshotIndex, snapshotEpoch, sizeBytes, checksum, offsetBytes, bytes: bytes.subarray(0, read) };
      await perform({ kind: "receive-slice", ticket: 1, ...slice }, "slice-stored");
      offsetBytes += read;
      make.onBytes(read);
    }
  } finally {
    closeSync(file);
  }
  await perform({ kind: "install-received", ticket: 2, keepLog: false }, "installed");
  await perform({ kind: "persist-promise", ticket: 3, promise: view.epoch, activeView: view, blank: false }, "promise-persisted");
  // Its second copy follows by itself.
  while (store.backlog() > 0) await new Promise((resolve) => setImmediate(resolve));
}

function wordsOf(result: StoreResult): string {
  if (result.kind === "failed") return `${result.code} ${result.message}`;
  if (result.kind === "install-refused") return `the snapshot is refused: ${result.reason}`;
  return `it answered ${result.kind}`;
}

function publish(making: string, dir: string): void {
  for (const folder of [join(making, "replicas"), making]) syncFolder(folder);
  if (existsSync(dir)) rmdirSync(dir);
  renameSync(making, dir);
  syncFolder(dirname(dir));
}
