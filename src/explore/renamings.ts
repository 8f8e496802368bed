/**
 * Worlds that are the same but for names, and behave the same: of them one is looked at. A renaming exchanges only what nothing is decided by:
 * - clients with one request each, known by a key: no core compares keys with one another;
 * - Replication Managers that are not in office at the beginning: they are told apart only by being the same or not;
 * - replicas, where the script stands for the Replication Manager, which does with one what it does with another. (Of equal answers the real core
 *   has the smallest name lead.) Neither where the search asks which replica comes first.
 * Of replicas those are exchanged that begin alike: the first view's members but its leader, and those outside it. So all renamings leave the
 * beginning as it is, and the worlds that can be reached are those that are looked at and their twins, no fewer and no more.
 */
import { createRenaming, exchanges, type Renaming } from "./renaming.js";
import type { Scope } from "./scope.js";

/** A renaming, and what the parts of worlds become by it: by their numbers. */
export interface Twin {
  readonly renaming: Renaming;
  readonly hosts: number[];
  readonly envelopes: number[];
  readonly nets: number[];
  readonly ledgers: number[];
  readonly stores: number[];
  readonly rms: number[];
}

/** All renamings of a scope but the one that leaves all as it is. */
export function createTwins(scope: Scope): Twin[] {
  return renamingsOf(scope).map((renaming) => ({ renaming, hosts: [], envelopes: [], nets: [], ledgers: [], stores: [], rms: [] }));
}

const CHECKPOINTS_NEVER = 1_000_000;

function renamingsOf(scope: Scope): Renaming[] {
  const { members, spares, requests, keyed, rms, manager, search, checkpointEntries } = scope;
  // What a snapshot holds travels as a number.
  if (!scope.merges || checkpointEntries < CHECKPOINTS_NEVER) return [];
  const span = (from: number, count: number): number[] => Array.from({ length: Math.max(0, count) }, (_, i) => from + i);
  const alike = manager === "script" && search === "breadth" ? [span(2, members - 1), span(members + 1, spares)] : [];
  return exchanges(members + spares, 1, alike)
    .flatMap((replicas) =>
      exchanges(requests, 1, keyed ? [span(1, requests)] : []).flatMap((asked) =>
        exchanges(rms, 0, [span(1, rms - 1)]).map((managers) => createRenaming(replicas, asked, managers)),
      ),
    )
    .slice(1);
}
