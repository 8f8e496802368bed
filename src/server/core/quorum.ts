/** What w of n members have persisted (section 2, S4c, L3). */
import { assert } from "../../vocabulary/assert.js";
import type { Leading } from "./leading-state.js";
import { lastIndex } from "./log.js";
import type { Replica, Turn } from "./state.js";

/** The highest value that at least `quorum` of `values` reach; `values` is put in order. PacificA counts all, we count w. */
export function quorumValue(values: number[], quorum: number): number {
  values.sort((a, b) => b - a);
  return values[quorum - 1] ?? 0;
}

/** Through which index w members have persisted; the leader counts only what is durable with itself too. */
export function quorumIndex(replica: Replica, leading: Leading): number {
  const values = [replica.log.persistedIndex];
  for (const peer of leading.peers.values()) if (peer.member) values.push(peer.ackedIndex);
  assert(values.length === leading.view.members.length, "S5b", () => "only members of the view are counted");
  return quorumValue(values, leading.view.quorum);
}

export function isOnQuorum(replica: Replica, leading: Leading, index: number): boolean {
  return quorumIndex(replica, leading) >= index;
}

/** Counts what is committed: S4c only in an active view, L3 only from the start entry of this epoch on. */
export function advanceCommit(turn: Turn, leading: Leading): void {
  const { replica } = turn;
  if (leading.phase !== "active") return;
  const index = quorumIndex(replica, leading);
  if (index < leading.startIndex || index <= replica.commitIndex) return;
  assert(index <= lastIndex(replica.log), "L2", () => `${index} counted, ${lastIndex(replica.log)} is the last`);
  replica.commitIndex = index;
}
