/** Faults that tests plant around the cores, from outside, to see that the explorer finds what they lead to. */
export type Planted =
  /** S5e, L2: a replica is told that its entries are durable before they are. */
  | "entries-told-early"
  /** S2a: a replica is told that its promise is durable before it is. */
  | "promise-told-early"
  /** S5a: a replica whose disk was lost comes back under its old name. */
  | "amnesia"
  /** S3a: the RM is content with one Seal answer too few. */
  | "one-answer-too-few"
  /** S3c: the RM counts answers of the members of the view that it attempted last. */
  | "counts-attempted-view"
  /** S3d: the RM has the shortest log lead. */
  | "shortest-log-leads"
  /** S4b, S4c: the RM activates what it has not written. */
  | "activates-unwritten"
  /** S1c: the store takes a view from whoever writes it. */
  | "store-takes-all"
  /** S1a: the second RM goes on with the term of the first. */
  | "same-term";

export const PLANTED: readonly Planted[] = [
  "entries-told-early",
  "promise-told-early",
  "amnesia",
  "one-answer-too-few",
  "counts-attempted-view",
  "shortest-log-leads",
  "activates-unwritten",
  "store-takes-all",
  "same-term",
];
