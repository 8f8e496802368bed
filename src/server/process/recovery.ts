import { join } from "node:path";
import { monotonicMs, wallMs } from "../../runtime/clock.js";
import { createDisk, createMemoryDisk, type Disk } from "../../runtime/disk.js";
import { DiskFailed } from "../../runtime/error-code.js";
import { makeFolderDurably } from "../../runtime/folder.js";
import { randomId } from "../../runtime/random.js";
import type { StoreResult } from "../../storage/store-command.js";
import { incarnation } from "../../vocabulary/ids.js";
import type { LaunchFile } from "./launch-file.js";
import { createSliceRooms, type SliceRooms } from "./slice-rooms.js";
import { openReplicaDisk, type ReplicaDisk } from "../shell/replica-disk.js";
import { setAside } from "./set-aside.js";
import { countUnreadable, forgetUnreadable } from "./unreadable.js";

export type Recovered = Extract<StoreResult, { kind: "recovered" }>;

export interface RecoveredDisk {
  readonly disk: ReplicaDisk;
  readonly slices: SliceRooms;
  readonly recovered: Recovered;
  /** From now on results go here. */
  route(onResult: (result: StoreResult) => void): void;
}

/** What another release wrote is neither read nor set aside: it may be all that there is. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
  constructor(folder: string, found: { readonly where: string; readonly what: string }) {
    super(
      `The data in ${folder} cannot be used by this release: ${found.where}: ${found.what}. Nothing was changed. Start the release that wrote it, or a newer one.`,
    );
  }
}

/** Opens the replica's store. A damaged one is set aside, never repaired (S5c, S5d), and a new incarnation begins. */
export async function recoverDisk(folder: string, launch: LaunchFile, warn: (text: string) => void): Promise<RecoveredDisk> {
  for (;;) {
    const { disk, slices, result, route, unreadable } = await tryOpen(folder, launch);
    if (result.kind === "unsupported") throw new Unsupported(join(folder, "data"), result);
    if (result.kind === "recovered") {
      forgetUnreadable(folder);
      return { disk, slices, recovered: result, route };
    }
    const found = result.kind === "damaged" ? result : damageOf(folder, result, unreadable);
    const { where, what } = found;
    const { keptIn } = setAside(folder, { where, what });
    forgetUnreadable(folder);
    warn(`The data of ${launch.replica} is damaged: ${where}: ${what}. It is kept in ${keptIn}; a new incarnation begins.`);
  }
}

type Failed = Extract<StoreResult, { kind: "failed" }>;

/** Throws, unless what failed is a place that cannot be read for good. */
function damageOf(folder: string, { code, message }: Failed, unreadable: string | null) {
  const reason = `The data folder ${join(folder, "data")} cannot be read or written: ${code} ${message}`;
  if (unreadable === null) throw new DiskFailed(reason, code);
  const { starts, lasts } = countUnreadable(folder, unreadable, wallMs());
  const times = `it could not be read at ${starts} ${starts === 1 ? "start" : "starts in a row"}`;
  if (!lasts) throw new DiskFailed(`${reason} (${unreadable}: ${times}). If this lasts, it counts as damaged and is set aside.`, code);
  return { where: unreadable, what: `${times}: ${code} ${message}` };
}

async function tryOpen(folder: string, launch: LaunchFile) {
  const dataFolder = join(folder, "data");
  if (launch.spec.durability === "disk") makeFolderDurably(dataFolder);
  const disk = launch.spec.durability === "disk" ? createDisk(dataFolder) : createMemoryDisk();
  let route = (_result: StoreResult): void => {};
  const config = {
    clusterId: launch.clusterId,
    group: launch.spec.group,
    replica: launch.replica,
    durability: launch.spec.durability,
    freshIncarnation: incarnation(randomId()),
  };
  let unreadable: string | null = null;
  const noting = noteUnreadable(disk, (path) => {
    unreadable ??= path;
  });
  const slices = createSliceRooms();
  const store = openReplicaDisk(config, slices.over(noting), monotonicMs, (result) => route(result));
  const result = await new Promise<Extract<StoreResult, { kind: "recovered" | "damaged" | "unsupported" | "failed" }>>((resolve) => {
    route = (first) => {
      if (first.kind === "recovered" || first.kind === "damaged" || first.kind === "unsupported" || first.kind === "failed") resolve(first);
    };
    store.submit({ kind: "recover" });
  });
  const reroute = (next: (result: StoreResult) => void): void => {
    route = next;
  };
  return { disk: store, slices, result, route: reroute, unreadable };
}

/** Tells which file it is of which a place cannot be read. */
function noteUnreadable(disk: Disk, note: (path: string) => void): Disk {
  return {
    submit(operation, done) {
      disk.submit(operation, (completion) => {
        if (operation.kind === "read" && completion.kind === "failed" && completion.code === "EIO") note(operation.path);
        done(completion);
      });
    },
  };
}
