/** Ordered number of a view: the RM's term, then a counter within it (S1a). [0, 0] comes before the first. */
export type Epoch = readonly [term: number, counter: number];

export const EPOCH_ZERO: Epoch = [0, 0];

/** Negative when a is older than b, zero when equal, positive when newer. */
export function compareEpochs(a: Epoch, b: Epoch): number {
  return a[0] !== b[0] ? a[0] - b[0] : a[1] - b[1];
}

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

export function laterEpoch(a: Epoch, b: Epoch): Epoch {
  return compareEpochs(a, b) >= 0 ? a : b;
}

export function epochText(epoch: Epoch): string {
  return `${epoch[0]}.${epoch[1]}`;
}
