import { crc32 } from "../codec/checksum.js";
import fs, {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BackupRecord, encodeBackup } from "../storage/backup-file.js";
import { describeFolder, describeSnapshotFile } from "../storage/inspection.js";
import { clusterId, groupName, incarnation, replicaId } from "../vocabulary/ids.js";
import type { View } from "../vocabulary/view.js";
import { openEmbeddedStore } from "../rm/process/embedded-store.js";
import { createDisk } from "../runtime/disk.js";
import { lookInto } from "./folder-look.js";
import { inspect } from "./inspect-command.js";
import { inspectionText } from "./inspect-text.js";
import { restore } from "./restore-command.js";

const SNAPSHOT = "snapshot-0000000000000004-3-1";
const GOLDEN = fileURLToPath(new URL("../../test/vectors/storage/1/", import.meta.url));
const group = groupName("bank");
const OLD_LIFE = incarnation("1".repeat(32));

let folder: string;
let backup: string;
let dir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-restore-"));
  backup = join(folder, "backup");
  dir = join(folder, "data");
  mkdirSync(backup);
  cpSync(join(GOLDEN, SNAPSHOT), join(backup, SNAPSHOT));
  const { sizeBytes, checksum } = describeSnapshotFile(lookInto(backup), SNAPSHOT, group);
  writeFileSync(join(backup, "backup"), encodeBackup({ ...RECORD, snapshot: { ...RECORD.snapshot, sizeBytes, checksum } }));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const view: View = {
  group,
  generation: 1,
  epoch: [3, 1],
  members: [{ replica: replicaId("bank-1"), incarnation: OLD_LIFE }],
  leader: replicaId("bank-1"),
  style: "active",
  quorum: 1,
  durability: "memory",
};
const RECORD: BackupRecord = {
  clusterId: clusterId("c".repeat(32)),
  spec: {
    group,
    service: { name: "bank", hash: "d".repeat(64), path: "/data/services/bank.mjs", styles: ["active"] },
    style: "active",
    replicas: 3,
    minimumReplicas: 1,
    quorum: "majority",
    durability: "memory",
    checkpointEntries: 10_000,
    handlerTimeoutMs: 5_000,
    onLoss: "wait",
  },
  view,
  snapshot: { index: 4, epoch: [3, 1], sizeBytes: 0, checksum: 0 },
  takenAtMs: 1_800_000_000_000,
};

function flip(name: string, offset: number): void {
  const path = join(backup, name);
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 4;
  writeFileSync(path, bytes);
}

describe("restore", () => {
  it("makes a system of its own: new system id, new incarnations, the next generation, an epoch above all that was", async () => {
    await restore(backup, dir);
    const { clusterId: made } = JSON.parse(readFileSync(join(dir, "cluster.json"), "utf8")) as { clusterId: string };
    expect(made).not.toBe(RECORD.clusterId);
    const { content } = await (await openEmbeddedStore(createDisk(join(dir, "rm")))).read();
    expect(content?.clusterId).toBe(made);
    const restored = content?.groups[0]?.activeView;
    expect(restored).toMatchObject({ group, generation: 2, epoch: [4, 1], quorum: 2, durability: "disk" });
    const lives = restored?.members.map((member) => member.incarnation);
    expect(new Set([...(lives ?? []), OLD_LIFE]).size).toBe(4);
    for (const { replica, incarnation: life } of restored?.members ?? []) {
      const found = describeFolder(lookInto(join(dir, "replicas", replica, "data")), null);
      expect(found.verdict).toMatchObject({ kind: "whole", snapshotIndex: 4, lastIndex: 4, promise: [4, 1] });
      expect(found.identity).toMatchObject({ ok: true, value: { incarnation: life, clusterId: made } });
      expect(found.promise).toMatchObject({ ok: true, value: { record: { activeView: restored, blank: false } } });
      expect(found.snapshots).toMatchObject([{ verified: true, sessions: expect.any(Number) }]);
    }
    expect(readdirSync(folder).sort()).toEqual(["backup", "data"]);
  });

  async function refused(words: RegExp): Promise<void> {
    await expect(restore(backup, dir)).rejects.toThrow(words);
    expect(existsSync(dir)).toBe(false);
    expect(readdirSync(folder)).toEqual(["backup"]);
  }

  it("refuses a damaged, an unfinished and a newer backup in words, and makes nothing", async () => {
    flip(SNAPSHOT, 60);
    await refused(/snapshot-\d+-3-1 at offset \d+.*Nothing was restored/);
    flip(SNAPSHOT, 60);
    flip("backup", 100);
    await refused(/checksum is wrong.*Nothing was restored/);
    flip("backup", 100);
    const whole = readFileSync(join(backup, "backup"));
    const newer = Buffer.from(whole);
    newer.writeUInt32BE(5, 8);
    newer.writeUInt32BE(crc32(whole.subarray(20), 5), 12);
    writeFileSync(join(backup, "backup"), newer);
    await refused(/version 5.*version 1.*Nothing was restored/s);
    writeFileSync(join(backup, "backup"), whole);
    cpSync(join(backup, SNAPSHOT), join(folder, "whole"));
    writeFileSync(join(backup, SNAPSHOT), readFileSync(join(folder, "whole")).subarray(0, 90));
    rmSync(join(folder, "whole"));
    await refused(/too early|larger than the file/);
    rmSync(join(backup, "backup"));
    await refused(/no backup.*begun and never finished/);
  });

  it("never overwrites: a folder that holds anything is refused, an empty one is taken", async () => {
    mkdirSync(dir);
    writeFileSync(join(dir, "mine"), "");
    await expect(restore(backup, dir)).rejects.toThrow(/not empty.*never overwrites/);
    expect(readdirSync(dir)).toEqual(["mine"]);
    rmSync(join(dir, "mine"));
    await restore(backup, dir);
    expect(readdirSync(dir)).toContain("rm");
  });

  it("takes an empty folder behind a link where it is, and leaves the link", async () => {
    const elsewhere = join(folder, "disk", "bank");
    mkdirSync(elsewhere, { recursive: true });
    symlinkSync(elsewhere, dir);
    await restore(backup, dir);
    expect(readlinkSync(dir)).toBe(elsewhere);
    expect(readdirSync(elsewhere)).toContain("rm");
    expect(readdirSync(join(folder, "disk"))).toEqual(["bank"]);
  });

  it("refuses a mount point before anything is copied, and says what to do", async () => {
    mkdirSync(dir);
    const calls = { renameSync: fs.renameSync, rmdirSync: fs.rmdirSync };
    const seen: string[][] = [];
    const refuse = (): never => {
      seen.push(readdirSync(folder).sort());
      throw Object.assign(new Error("EBUSY: resource busy or locked"), { code: "EBUSY" });
    };
    fs.renameSync = (from, to) => ([from, to].some((path) => basename(String(path)) === "data") ? refuse() : calls.renameSync(from, to));
    fs.rmdirSync = refuse;
    syncBuiltinESMExports();
    try {
      await expect(restore(backup, dir)).rejects.toThrow("mount point, and cannot be replaced as a whole. Name a folder in it");
    } finally {
      Object.assign(fs, calls);
      syncBuiltinESMExports();
    }
    expect(seen).toEqual([["backup", "data"]]);
  });

  it("and `inspect` prints a backup, and its damage", async () => {
    const whole = await inspect(backup, null);
    expect(inspectionText(whole, null)).toMatch(/of group bank.*holds\s+index 4 of epoch 3\.1.*verified/s);
    flip(SNAPSHOT, 60);
    expect(inspectionText(await inspect(join(backup, "backup"), null), null)).toMatch(/DAMAGE\n\s+snapshot-/);
  });
});
