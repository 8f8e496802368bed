import type { Disk } from "../../runtime/disk.js";
import { LIMITS } from "../../vocabulary/limit.js";

/**
 * Memory for the slices of a snapshot on their way from the disk to a socket, used again and again: as garbage each 64 MB of them would cost a
 * collection of the whole heap, in the leader, whose heap is as large as the state.
 */
export interface SliceRooms {
  /** The same disk: what is read of a snapshot to be sent comes in such memory. */
  over(disk: Disk): Disk;
  /** Nobody reads these bytes any more. What is not given back is garbage in the end, and no harm. */
  giveBack(bytes: Uint8Array): void;
}

/** More than are on their way to one receiver. */
const FREE_MAX = 16;

export function createSliceRooms(): SliceRooms {
  const free: Uint8Array[] = [];
  const lent = new WeakMap<ArrayBufferLike, Uint8Array>();
  return {
    over: (disk) => ({
      submit(operation, done) {
        // Whoever scans or loads a snapshot brings memory of their own.
        const isSlice = operation.kind === "read" && operation.into === undefined && operation.path.startsWith("snapshot-");
        if (!isSlice || operation.sizeBytes === 0 || operation.sizeBytes > LIMITS.snapshotSliceBytes) return disk.submit(operation, done);
        const into = free.pop() ?? new Uint8Array(LIMITS.snapshotSliceBytes);
        lent.set(into.buffer, into);
        disk.submit({ ...operation, into }, done);
      },
    }),
    giveBack(bytes) {
      const room = lent.get(bytes.buffer);
      if (room === undefined) return;
      // Once only, however often it is said.
      lent.delete(bytes.buffer);
      if (free.length < FREE_MAX) free.push(room);
    },
  };
}
