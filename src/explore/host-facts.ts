/** What the checks look at in a host, worked out once for each of its states. */
import type { Entry } from "../vocabulary/entry.js";
import { identityKey } from "../vocabulary/session.js";
import type { Host } from "./host-state.js";
import { lifeNumber } from "./life.js";
import { epochNumber } from "./rm-state.js";
import { wordOf } from "./word-list.js";

/** An entry as the checks see it: equal if and only if it is the same entry. */
export interface EntryFacts {
  readonly text: string;
  /** Null: it executes nothing. */
  readonly identity: string | null;
  readonly word: string;
}

export interface HostFacts {
  readonly life: number;
  /** The start at which its disk was new. */
  readonly incarnation: number;
  readonly baseIndex: number;
  readonly entries: readonly EntryFacts[];
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** The service's words without what runs ahead. */
  readonly words: string;
  /** Of the epoch it leads; 0: leads none. */
  readonly leads: number;
  readonly leadActive: boolean;
  readonly isSynchronising: boolean;
  readonly hasWrites: boolean;
  /** Durable: nothing below can matter to this replica any more. */
  readonly promise: number;
  readonly isInstalling: boolean;
  /** What it would report to an RM now: one of the catalog's; 0 where none asks. */
  readonly report: number;
}

const known = new WeakMap<Entry, EntryFacts>();

function entryFacts(entry: Entry): EntryFacts {
  const found = known.get(entry);
  if (found !== undefined) return found;
  const { body } = entry;
  const isRequest = body.kind === "request" || body.kind === "update";
  const identity = isRequest ? identityKey(body.identity) : null;
  const word = body.kind === "request" ? wordOf(body.input) : body.kind === "update" ? wordOf(body.redo) : "";
  const facts = { text: `${entry.epoch.join(".")} ${identity ?? body.kind}`, identity, word };
  known.set(entry, facts);
  return facts;
}

export function factsOf(host: Host, report: number): HostFacts {
  const { replica, list } = host;
  const { stance, log } = replica;
  const leading = stance.kind === "leading" ? stance : null;
  return {
    life: lifeNumber(host.life),
    incarnation: host.life.incarnation,
    baseIndex: log.base.index,
    entries: log.entries.map(entryFacts),
    commitIndex: replica.commitIndex,
    appliedIndex: replica.appliedIndex,
    words: list.words.slice(0, list.undo[0]?.length ?? list.words.length).join(" "),
    leads: leading === null ? 0 : epochNumber(leading.view.epoch),
    leadActive: leading?.phase === "active",
    isSynchronising: leading?.phase === "synchronising",
    hasWrites: host.writes.length > 0,
    promise: epochNumber(host.disk.promise),
    isInstalling: replica.receiving?.installing != null,
    report,
  };
}
