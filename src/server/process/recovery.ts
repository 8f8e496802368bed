import { join } from "node:path";
import { monotonicMs } from "../../runtime/clock.js";
import { createDisk, createMemoryDisk } from "../../runtime/disk.js";
import { makeFolderDurably } from "../../runtime/folder.js";
import { randomId } from "../../runtime/random.js";
import type { StoreResult } from "../../storage/store-command.js";
import { incarnation } from "../../vocabulary/ids.js";
import type { LaunchFile } from "./launch-file.js";
import { openReplicaDisk, type ReplicaDisk } from "../shell/replica-disk.js";
import { setAside } from "./set-aside.js";

export type Recovered = Extract<StoreResult, { kind: "recovered" }>;

export interface RecoveredDisk {
  readonly disk: ReplicaDisk;
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
    const opened = await tryOpen(folder, launch);
    if (opened.result.kind === "recovered") return { disk: opened.disk, recovered: opened.result, route: opened.route };
    if (opened.result.kind === "unsupported") throw new Unsupported(join(folder, "data"), opened.result);
    const { where, what } = opened.result;
    const { keptIn } = setAside(folder, { where, what });
    warn(`The data of ${launch.replica} is damaged: ${where}: ${what}. It is kept in ${keptIn}; a new incarnation begins.`);
  }
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
  const store = openReplicaDisk(config, disk, monotonicMs, (result) => route(result));
  const result = await new Promise<Extract<StoreResult, { kind: "recovered" | "damaged" | "unsupported" }>>((resolve, reject) => {
    route = (first) => {
      if (first.kind === "recovered" || first.kind === "damaged" || first.kind === "unsupported") resolve(first);
      else if (first.kind === "failed")
        reject(new Error(`The data folder ${dataFolder} cannot be read or written: ${first.code} ${first.message}`));
    };
    store.submit({ kind: "recover" });
  });
  const reroute = (next: (result: StoreResult) => void): void => {
    route = next;
  };
  return { disk: store, result, route: reroute };
}
