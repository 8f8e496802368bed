/** What the search for a linearization is given, and what it finds. */

/** The sequential object of one partition. Operations are numbers: positions in the partition. States are immutable. */
export type Machine<State> = {
  readonly initial: State;
  /** The state after the operation with its recorded outcome and result; undefined if the state does not allow them. */
  step(state: State, operation: number): State | undefined;
  /** Equal keys for equal states, and for no others. */
  keyOf(state: State): string | number;
  /** Whether the operation, having the outcome it had, leaves every state as it is. */
  isObservation(operation: number): boolean;
  /** Those of `open` (the target is not among them) that can matter before the target, most promising first. Default: all.
   * `open` holds every operation of unknown outcome that has started, those that are alike among them. */
  candidates?(state: State, target: number, open: readonly number[]): readonly number[];
  /** Whether from this state the operation, still to be placed, can never be. */
  isHopeless?(state: State, operation: number): boolean;
  /** The state in words. */
  describe(state: State): string;
  /** What the state would have answered to the operation, in words; undefined where there is nothing to say. */
  answer?(state: State, operation: number): string | undefined;
};

/** When an operation was open. `endedAt` is Infinity where the outcome is unknown; those with an equal `alike` text have the same effect. */
export type Span = { readonly startedAt: number; readonly endedAt: number; readonly alike: string };

/** Where the search got furthest before it was stuck. */
export type Impasse<State> = {
  /** Operations that returned up to there and have their place, with those that were placed ahead of their return. */
  readonly placedCount: number;
  /** The last few placed, in order. */
  readonly lastPlaced: readonly number[];
  readonly state: State;
  /** The operation that has no place. */
  readonly blocked: number;
  /** Operations open at that time and tried before it. */
  readonly open: readonly number[];
};

export type SearchOutcome<State> =
  | { readonly verdict: "linearizable"; readonly exploredCount: number }
  | { readonly verdict: "violation" | "undecided"; readonly exploredCount: number; readonly impasse: Impasse<State> | undefined };
