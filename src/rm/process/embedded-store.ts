import type { Disk } from "../../runtime/disk.js";
import { type ControlMap, decodeControl, encodeControl } from "../../storage/control-file.js";
import type { DiskCompletion, DiskOperation } from "../../vocabulary/disk.js";
import { type ControlContent, type GroupRecord, refuseSuccession, type StoreRecord } from "../core/content.js";
import type { ControlStore, SwapOutcome } from "./control-store.js";

const FILE = "control";
const TEMPORARY = "control.tmp";
const SIZE_BYTES_MAX = 64 * 1024 * 1024;
const GROUP_PREFIX = "group/";

/** `code` is the system's: some (a full disk) pass, and a later start may succeed. */
class StoreFailed extends Error {
  override readonly name = "StoreFailed";
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** What is stored beside the groups, each of which has an entry (and a checksum) of its own. */
interface Head extends Omit<ControlContent, "groups"> {
  readonly revision: number;
}

/**
 * The control store of one machine: one file in the RM's folder, under the RM's lock, replaced as a whole at each write (PROTOCOL section 7).
 * Rejects when the file is damaged, naming what is; damage is never taken for an empty store.
 */
export async function openEmbeddedStore(disk: Disk): Promise<ControlStore> {
  let record = await load(disk);
  let writing = false;

  async function swap(expectedRevision: number, content: ControlContent): Promise<SwapOutcome> {
    if (writing) return { kind: "refused", reason: "another write is under way" };
    if (expectedRevision !== record.revision) {
      return { kind: "refused", reason: `the revision is ${record.revision}, not ${expectedRevision}` };
    }
    const refusal = refuseSuccession(record.content, content);
    if (refusal !== null) return { kind: "refused", reason: refusal };
    writing = true;
    // On failure `writing` stays: what the file holds is not known any more, and the process ends.
    const next = { revision: record.revision + 1, content };
    await replace(disk, encodeControl(toMap(next.revision, content)));
    record = next;
    writing = false;
    return { kind: "swapped", revision: record.revision };
  }

  return { read: async () => record, swap };
}

async function load(disk: Disk): Promise<StoreRecord> {
  const read = await submit(disk, { kind: "read", ticket: 0, path: FILE, offsetBytes: 0, sizeBytes: SIZE_BYTES_MAX }, "ENOENT");
  if (read.kind !== "read-done") return { revision: 0, content: null };
  const decoded = decodeControl(read.bytes);
  if (!decoded.ok) throw damaged(decoded.reason);
  return fromMap(decoded.map);
}

function damaged(reason: string): Error {
  return new Error(`The control store cannot be used: ${reason}. Put a copy of the file back; nothing was changed.`);
}

function toMap(revision: number, content: ControlContent): ControlMap {
  const { groups, ...rest } = content;
  const head: Head = { ...rest, revision };
  return new Map<string, unknown>([
    ["head", head],
    ...groups.map((group): [string, unknown] => [`${GROUP_PREFIX}${group.spec.group}`, group]),
  ]);
}

/** The file is our own and every value has its checksum: its form is looked at only as far as a wrong version could differ. */
function fromMap(map: ControlMap): StoreRecord {
  const head = map.get("head");
  if (!isHead(head)) throw damaged("its first entry does not have the form of this version");
  const { revision, ...rest } = head;
  const groups: GroupRecord[] = [];
  for (const [key, value] of map) {
    if (!key.startsWith(GROUP_PREFIX)) continue;
    if (!isGroup(value)) throw damaged(`the entry of ${key} does not have the form of this version`);
    groups.push(value);
  }
  return { revision, content: { ...rest, groups } };
}

function isHead(value: unknown): value is Head {
  if (typeof value !== "object" || value === null) return false;
  const { formatVersion, revision, term, clusterId, owner } = value as Partial<Record<keyof Head, unknown>>;
  return (
    formatVersion === 1 &&
    typeof revision === "number" &&
    typeof term === "number" &&
    typeof clusterId === "string" &&
    typeof owner === "string"
  );
}

function isGroup(value: unknown): value is GroupRecord {
  if (typeof value !== "object" || value === null) return false;
  const { spec, activeView, founders, replicas, nextReplicaNumber } = value as Partial<Record<keyof GroupRecord, unknown>>;
  return (
    typeof spec === "object" &&
    typeof activeView === "object" &&
    Array.isArray(founders) &&
    Array.isArray(replicas) &&
    typeof nextReplicaNumber === "number"
  );
}

/** A temporary file, synced, renamed, the folder synced: a crash at any point leaves the old content or the new one. */
async function replace(disk: Disk, bytes: Uint8Array): Promise<void> {
  await submit(disk, { kind: "remove", ticket: 0, path: TEMPORARY }, "ENOENT");
  await submit(disk, { kind: "create", ticket: 0, path: TEMPORARY, sizeBytes: 0 });
  await submit(disk, { kind: "write", ticket: 0, path: TEMPORARY, offsetBytes: 0, chunks: [bytes] });
  await submit(disk, { kind: "sync", ticket: 0, path: TEMPORARY });
  await submit(disk, { kind: "rename", ticket: 0, path: TEMPORARY, toPath: FILE });
  await submit(disk, { kind: "sync-folder", ticket: 0, path: "." });
}

function submit(disk: Disk, operation: DiskOperation, tolerated?: string): Promise<DiskCompletion> {
  return new Promise((resolve, reject) => {
    disk.submit(operation, (completion) => {
      if (completion.kind !== "failed" || completion.code === tolerated) resolve(completion);
      else reject(new StoreFailed(`The control store cannot ${operation.kind} ${operation.path}: ${completion.message}`, completion.code));
    });
  });
}
