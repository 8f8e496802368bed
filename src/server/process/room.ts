import { watchFreeBytes } from "../../runtime/free-bytes.js";
import type { RoomShort } from "../../vocabulary/report.js";
import type { ReplicaDisk } from "../shell/replica-disk.js";

const LOOK_AGAIN_MS = 500;

/** Compares what the folder's disk has free with what the store will need next. */
export function createRoom(folder: string, disk: ReplicaDisk): () => RoomShort | null {
  const free = watchFreeBytes(folder, LOOK_AGAIN_MS);
  return () => {
    const freeBytes = free();
    const neededBytes = disk.roomNeededBytes();
    return freeBytes === null || freeBytes >= neededBytes ? null : { neededBytes, freeBytes };
  };
}
