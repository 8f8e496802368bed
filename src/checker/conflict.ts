/**
 * Which open operations can matter before a target. In a sequence of operations that ends in the target, one that can be moved past all
 * that follow it need not stand there: it is placed later, just in time for itself. What remains are the operations from which a chain of
 * conflicts leads to the target. (Partial-order reduction; Godefroid, LNCS 1032.)
 *
 * `conflicts(earlier, later)`: whether "earlier, later" can be valid where "later, earlier" is not, or leaves another state.
 * Nearest to the target first.
 */
export function conflictChain(target: number, open: readonly number[], conflicts: (earlier: number, later: number) => boolean): number[] {
  const chain: number[] = [];
  let rest = [...open];
  const reach = [target];
  for (let later = reach.shift(); later !== undefined; later = reach.shift()) {
    const outside: number[] = [];
    for (const earlier of rest) {
      if (conflicts(earlier, later)) {
        chain.push(earlier);
        reach.push(earlier);
      } else outside.push(earlier);
    }
    rest = outside;
  }
  return chain;
}
