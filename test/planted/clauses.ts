/** Which planted bugs break what: every clause of the protocol without which a model of it at once lost an entry or showed a stale read. */
export interface Clause {
  readonly rule: string;
  readonly says: string;
  /** By name. */
  readonly bugs: readonly string[];
}

export const STARRED: readonly Clause[] = [
  { rule: "L1", says: "an append that repeats what is held truncates nothing", bugs: ["repeated-append-truncates"] },
  { rule: "L2", says: "acknowledged is what the append verified, not the length of the log", bugs: ["acknowledges-length-of-log"] },
  { rule: "L3", says: "older epochs commit with the start entry of the current one", bugs: ["counts-older-epochs-by-themselves"] },
  { rule: "S1a", says: "a new term at every start", bugs: ["same-term-at-a-new-start", "second-rm-in-the-same-term"] },
  { rule: "S1a", says: "only then the view is read", bugs: ["view-read-before-the-term"] },
  { rule: "S1b", says: "a fresh epoch for each attempt", bugs: ["attempts-share-an-epoch"] },
  { rule: "S1c", says: "a view only from the RM of the current term", bugs: ["store-takes-a-view-from-anyone", "store-takes-all"] },
  { rule: "S1d", says: "an unknown outcome is looked up before anything else", bugs: ["unknown-write-taken-for-done"] },
  {
    rule: "S2a",
    says: "the promise is durable before the answer",
    bugs: ["seal-answered-before-promise-is-durable", "promise-told-durable-early"],
  },
  { rule: "S2b", says: "writes in flight are finished or dropped first", bugs: ["seal-answered-with-writes-in-flight"] },
  { rule: "S3a", says: "n - w + 1 answers", bugs: ["one-answer-too-few", "rm-one-answer-too-few"] },
  { rule: "S3b", says: "by incarnation", bugs: ["answers-counted-by-replica"] },
  { rule: "S3c", says: "of the last active view", bugs: ["view-read-before-the-term", "counts-attempted-view"] },
  { rule: "S3c", says: "never of the one attempted", bugs: ["counts-attempted-view", "rm-counts-attempted-view"] },
  { rule: "S3d", says: "epoch first, then index", bugs: ["index-before-epoch"] },
  { rule: "S4a", says: "the start entry on w of the new members", bugs: ["led-with-the-start-entry-on-one"] },
  { rule: "S4c", says: "nobody answers or counts before it is told that the view is active", bugs: ["serves-before-it-is-told"] },
  { rule: "S4d", says: "a leader that restarts does not lead again in its old epoch", bugs: ["leads-again-after-a-restart"] },
  {
    rule: "S5a",
    says: "lost state is a new incarnation",
    bugs: ["wiped-disk-comes-back-under-its-name", "amnesia", "first-segment-not-missed"],
  },
  { rule: "S5b", says: "it counts once a view has admitted it", bugs: ["learner-counts"] },
  // S8: a leader's own count is the only proof of commitment that there is; what the protocol asks of replies it asks of acknowledgements here.
  {
    rule: "S8",
    says: "what is counted is of incarnations of one active view",
    bugs: ["learner-counts", "answered-before-it-is-committed"],
  },
  {
    rule: "S8",
    says: "and was said after the entry was persisted",
    bugs: ["group-commit-acknowledges-the-next-batch", "entries-told-durable-early"],
  },
  { rule: "S8", says: "and known to be of an active view", bugs: ["serves-before-it-is-told", "counts-older-epochs-by-themselves"] },
  {
    rule: "S7",
    says: "w confirmed the epoch in a round begun after the read came",
    bugs: ["read-joins-a-round-begun-before", "lease-kept-through-a-pause"],
  },
  { rule: "S7", says: "the index that the read saw, not the commit index", bugs: ["read-answered-at-the-commit-index"] },
];

/** The accidents of others. */
export const ACCIDENTS: readonly Clause[] = [
  { rule: "S6b", says: "the session table is left out of a snapshot", bugs: ["snapshot-without-the-session-table"] },
  { rule: "S6c", says: "a duplicate in flight is executed again", bugs: ["duplicate-in-flight-executed-again"] },
  { rule: "S5d", says: "a log is cut off at damage in its middle", bugs: ["damage-in-the-middle-cut-off"] },
  { rule: "S7", says: "a lease for reads is kept through a pause", bugs: ["lease-kept-through-a-pause"] },
  {
    rule: "S6h",
    says: "a definite error for an unknown outcome",
    bugs: ["definite-error-for-an-unknown-outcome", "room-is-asked-for-before-the-table"],
  },
  {
    rule: "section 7",
    says: "a group commit acknowledges the batch after the one flushed",
    bugs: ["group-commit-acknowledges-the-next-batch"],
  },
  { rule: "S9", says: "an old update is applied again after promotion", bugs: ["update-applied-again-after-promotion"] },
  { rule: "S6b", says: "a last number in place of the set", bugs: ["last-number-in-place-of-the-set"] },
  { rule: "S6c", says: "a retry does not attach to its queued first copy", bugs: ["retry-passes-its-queued-first-copy"] },
  { rule: "S8", says: "a snapshot of uncommitted state is published", bugs: ["snapshot-of-uncommitted-state"] },
  { rule: "S5a", says: "two processes on one incarnation", bugs: ["two-processes-on-one-incarnation"] },
  { rule: "S1e", says: "an RM with an old store goes on", bugs: ["old-store-goes-on"] },
  { rule: "section 8", says: "absence is taken for a verdict", bugs: ["absence-taken-for-a-verdict"] },
  { rule: "S9", says: "an undo changes the order of iteration", bugs: ["undo-changes-iteration-order"] },
];
