import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./wait.js";

/** A file system of a test's own. */
export interface MountedDisk {
  readonly folder: string;
  dispose(): Promise<void>;
}

export interface PoweredDisk extends MountedDisk {
  /** The power goes: what was not synced is lost, and every write from now on fails. */
  cutPower(): void;
  /** Power is back. Nobody may use the folder meanwhile. */
  mountAgain(): Promise<void>;
}

export interface FreezableDisk extends MountedDisk {
  /** Writes to it hang in the kernel from now on, until it is thawed. */
  freeze(): void;
  thaw(): void;
}

export interface LimitedDisk extends MountedDisk {
  /** Makes it larger, or smaller, though never smaller than what it holds. */
  resize(sizeMb: number): void;
  sizeMb(): number;
  usedBytes(): number;
}

/**
 * Where an installation's data lie: all on one ext4 whose power can be cut, or those of each replica on a tmpfs that can be made smaller, or on an
 * ext4 that can be frozen.
 */
export type DiskPlan = "power-cut" | "limited" | "freezable";

const PARENT = fileURLToPath(new URL("../../../.cache/mounted/", import.meta.url));
/** FS_IOC_SHUTDOWN without a flush of the journal, as xfstests cuts the power (TRAPS: ext4, xfs, f2fs know it). */
const SHUTDOWN = 'open(my $f, "<", $ARGV[0]) or die "open: $!"; my $how = pack("L", 2); ioctl($f, 0x8004587d, $how) or die "ioctl: $!"';

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr}`);
}

/** An ext4 in a file in memory, whose power can be cut; mounted at the folder `at`, or at one of its own. */
export async function mountExt4(sizeMb: number, at?: string): Promise<PoweredDisk> {
  const below = await mountTmpfs(sizeMb);
  const { home, folder } = makeFolders(at);
  const image = join(below.folder, "image");
  run("truncate", "-s", `${sizeMb}M`, image);
  run("mkfs.ext4", "-q", "-F", image);
  const mount = (): void => run("mount", "-o", "loop", image, folder);
  mount();
  return {
    folder,
    cutPower: () => run("perl", "-e", SHUTDOWN, folder),
    async mountAgain() {
      await unmount(folder);
      mount();
    },
    async dispose() {
      await dispose(home, folder);
      await below.dispose();
    },
  };
}

/** An ext4 in a file in memory that can be made to hang. */
export async function mountFreezable(sizeMb: number, at: string): Promise<FreezableDisk> {
  const disk = await mountExt4(sizeMb, at);
  const { folder } = disk;
  // A server finds its folder empty at its first start.
  rmSync(join(folder, "lost+found"), { recursive: true, force: true });
  let frozen = false;
  const thaw = (): void => {
    if (frozen) run("fsfreeze", "--unfreeze", folder);
    frozen = false;
  };
  return {
    folder,
    freeze() {
      run("fsfreeze", "--freeze", folder);
      frozen = true;
    },
    thaw,
    async dispose() {
      thaw();
      await disk.dispose();
    },
  };
}

/** Memory, and no more than so much of it: a disk that can be filled up; mounted at the folder `at`, or at one of its own. */
export async function mountTmpfs(sizeMb: number, at?: string): Promise<LimitedDisk> {
  const { home, folder } = makeFolders(at);
  run("mount", "-t", "tmpfs", "-o", `size=${sizeMb}m,mode=0700`, "tmpfs", folder);
  return {
    folder,
    resize: (toMb) => run("mount", "-o", `remount,size=${Math.ceil(toMb * 1024)}k`, folder),
    sizeMb() {
      const { bsize, blocks } = statfsSync(folder);
      return (bsize * blocks) / 2 ** 20;
    },
    usedBytes() {
      const { bsize, blocks, bfree } = statfsSync(folder);
      return bsize * (blocks - bfree);
    },
    dispose: () => dispose(home, folder),
  };
}

const POWERED_MB = 512;
const LIMITED_MB = 512;
const FREEZABLE_MB = 128;
const REPLICAS = ["trial-1", "trial-2", "trial-3"];

export async function mountPlan(plan: DiskPlan, dir: string): Promise<readonly MountedDisk[]> {
  if (plan === "power-cut") return [await mountExt4(POWERED_MB, dir)];
  if (plan === "freezable") return Promise.all(REPLICAS.map((replica) => mountFreezable(FREEZABLE_MB, join(dir, "replicas", replica))));
  return Promise.all(REPLICAS.map((replica) => mountTmpfs(LIMITED_MB, join(dir, "replicas", replica))));
}

export function poweredDisk(disks: readonly MountedDisk[]): PoweredDisk {
  const found = disks.find((disk): disk is PoweredDisk => "cutPower" in disk);
  if (found === undefined) throw new Error("no disk whose power can be cut");
  return found;
}

export function limitedDisk(disks: readonly MountedDisk[], replica: string): LimitedDisk {
  const found = disks.find((disk): disk is LimitedDisk => "resize" in disk && disk.folder.endsWith(`/${replica}`));
  if (found === undefined) throw new Error(`${replica} has no disk that can be made smaller`);
  return found;
}

export function freezableDisk(disks: readonly MountedDisk[], replica: string): FreezableDisk {
  const found = disks.find((disk): disk is FreezableDisk => "freeze" in disk && disk.folder.endsWith(`/${replica}`));
  if (found === undefined) throw new Error(`${replica} has no disk that can be frozen`);
  return found;
}

function makeFolders(at?: string): { home: string; folder: string } {
  mkdirSync(PARENT, { recursive: true });
  const home = mkdtempSync(join(PARENT, "disk-"));
  const folder = at ?? join(home, "mounted");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { home, folder };
}

async function dispose(home: string, folder: string): Promise<void> {
  await unmount(folder);
  rmSync(home, { recursive: true, force: true });
}

/** A process that has just died may still hold it for a moment. */
function unmount(folder: string): Promise<void> {
  return until(`${folder} is unmounted`, 10_000, async () => {
    const { status, stderr } = spawnSync("umount", [folder], { encoding: "utf8" });
    return status === 0 ? { found: undefined } : { seen: stderr };
  });
}

let known: string | null | undefined;

/** Why this machine cannot mount and cut off a file system, or null. It takes root, loop devices and an ext4 that can be shut down. */
export async function whyNoMounts(): Promise<string | null> {
  known ??= await probe();
  return known;
}

async function probe(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "it takes root";
  try {
    const disk = await mountExt4(16);
    try {
      run(
        "sh",
        "-c",
        `echo synced > ${disk.folder}/synced && sync ${disk.folder}/synced && sync ${disk.folder} && echo lost > ${disk.folder}/lost`,
      );
      disk.cutPower();
      await disk.mountAgain();
      const [synced, lost] = ["synced", "lost"].map((name) => existsSync(join(disk.folder, name)));
      return synced === true && lost === false ? null : `a power cut left synced: ${synced}, not synced: ${lost}`;
    } finally {
      await disk.dispose();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
