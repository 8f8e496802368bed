/** One replica in a state of the exploration. */
import type { Message } from "../vocabulary/message.js";
import type { Replica } from "../server/core/state.js";
import type { Disk, Write } from "./host-disk.js";
import type { Life } from "./life.js";
import type { WordList } from "./word-list.js";

export interface Host {
  readonly life: Life;
  readonly replica: Replica;
  readonly disk: Disk;
  readonly list: WordList;
  writes: Write[];
}

/** What the outside sees of a turn. */
export interface Outcome {
  readonly sent: { readonly connection: number; readonly message: Message }[];
  /** The core has ended the process, with this reason. */
  ended: string | null;
}

export interface HostOptions {
  readonly manager: "core" | "script";
  readonly rms: number;
  readonly checkpointEntries: number;
}
