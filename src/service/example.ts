/** Where the functions in `examples` draw from: the same for the same seed. */
export interface ExampleDraw {
  /** One of the whole numbers from `low` through `high`. */
  integer(low: number, high: number): number;
  /** 0 <= x < 1. */
  unit(): number;
  pick<T>(choices: readonly T[]): T;
  /** True with this probability. */
  happens(probability: number): boolean;
}

/**
 * Inputs to try, by name of operation or query: some to choose from, or a function that makes one. Few different names make calls meet one another.
 * Their types are not those of the handlers: a definition that said so would take from TypeScript what it infers the handlers from.
 */
export type Examples = Readonly<Record<string, readonly unknown[] | ((draw: ExampleDraw) => unknown)>>;
