import * as fs from "node:fs";
import { join } from "node:path";

const FILE_SIZE_BYTES = 16 * 1024 * 1024;

/**
 * How long this disk takes for what a log does: a write into preallocated room, then fdatasync, `streams` files at once (as many as there
 * are replicas on it). Returns one duration in ms for each write with its sync.
 */
export async function measureSyncs(folder: string, streams: number, writeSizeBytes: number, durationMs: number): Promise<number[]> {
  fs.mkdirSync(folder, { recursive: true });
  const samples = await Promise.all(
    Array.from({ length: streams }, (_, stream) => measureStream(join(folder, `raw-${process.pid}-${stream}`), writeSizeBytes, durationMs)),
  );
  return samples.flat();
}

async function measureStream(path: string, writeSizeBytes: number, durationMs: number): Promise<number[]> {
  const file = await fs.promises.open(path, "w+", 0o600);
  try {
    await file.write(Buffer.alloc(FILE_SIZE_BYTES));
    await file.sync();
    const bytes = Buffer.alloc(writeSizeBytes, 1);
    const samples: number[] = [];
    const endMs = performance.now() + durationMs;
    let offsetBytes = 0;
    while (performance.now() < endMs) {
      if (offsetBytes + writeSizeBytes > FILE_SIZE_BYTES) offsetBytes = 0;
      const fromMs = performance.now();
      await writeAndSync(file.fd, bytes, offsetBytes);
      samples.push(performance.now() - fromMs);
      offsetBytes += writeSizeBytes;
    }
    return samples;
  } finally {
    await file.close();
    fs.rmSync(path, { force: true });
  }
}

/** By callbacks, as the system does it: promises cost more. */
export function writeAndSync(handle: number, bytes: Uint8Array, offsetBytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.write(handle, bytes, 0, bytes.length, offsetBytes, (error) => {
      if (error) reject(error);
      else fs.fdatasync(handle, (syncError) => (syncError ? reject(syncError) : resolve()));
    });
  });
}
