import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./wait.js";

/** A file system of a test's own. */
export interface MountedDisk {
  readonly folder: string;
  /** The power goes: what was not synced is lost, and every write from now on fails. */
  cutPower(): void;
  /** Power is back. Nobody may use the folder meanwhile. */
  mountAgain(): Promise<void>;
  dispose(): Promise<void>;
}

const PARENT = fileURLToPath(new URL("../../../.cache/mounted/", import.meta.url));
/** FS_IOC_SHUTDOWN without a flush of the journal, as xfstests cuts the power (TRAPS: ext4, xfs, f2fs know it). */
const SHUTDOWN = 'open(my $f, "<", $ARGV[0]) or die "open: $!"; my $how = pack("L", 2); ioctl($f, 0x8004587d, $how) or die "ioctl: $!"';

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr}`);
}

/** An ext4 in a file, whose power can be cut. */
export async function mountExt4(sizeMb: number): Promise<MountedDisk> {
  const { home, folder } = makeFolders();
  const image = join(home, "image");
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
    dispose: () => dispose(home, folder),
  };
}

/** Memory, and no more than so much of it: a disk that can be filled up. */
export async function mountTmpfs(sizeMb: number, folder?: string): Promise<Pick<MountedDisk, "folder" | "dispose">> {
  const made = makeFolders();
  const at = folder ?? made.folder;
  run("mount", "-t", "tmpfs", "-o", `size=${sizeMb}m,mode=0700`, "tmpfs", at);
  return { folder: at, dispose: () => dispose(made.home, at) };
}

function makeFolders(): { home: string; folder: string } {
  mkdirSync(PARENT, { recursive: true });
  const home = mkdtempSync(join(PARENT, "disk-"));
  const folder = join(home, "mounted");
  mkdirSync(folder);
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
