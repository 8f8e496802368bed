import { type StatsFs, statfs, statfsSync } from "node:fs";

/** Room on the disk that a folder lies on, looked up again and again. Null where the file system does not say. */
export function watchFreeBytes(folder: string, intervalMs: number): () => number | null {
  let freeBytes: number | null = null;
  try {
    freeBytes = freeOf(statfsSync(folder));
  } catch {
    // Looked at again below.
  }
  let isLooking = false;
  const timer = setInterval(() => {
    // A disk that hangs is asked once.
    if (isLooking) return;
    isLooking = true;
    statfs(folder, (error, stats) => {
      isLooking = false;
      freeBytes = error === null ? freeOf(stats) : null;
    });
  }, intervalMs);
  timer.unref();
  return () => freeBytes;
}

/** Some virtual file systems say 0 of everything. */
function freeOf({ bavail, blocks, bsize }: StatsFs): number | null {
  return blocks === 0 ? null : bavail * bsize;
}
