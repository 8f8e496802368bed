import { proveHere } from "../proof/in-process.js";
import { hasPassed, proofText } from "../proof/verdict.js";
import { type AnyService, stylesOf } from "../service/define-service.js";
import type { Style } from "../vocabulary/style.js";
import { TrialFailure } from "./service-trial.js";

export interface ProveOptions {
  /** So many runs in each style. Default 3: some seconds. */
  readonly seeds?: number;
  /** Seed of the first run. Default 1. */
  readonly firstSeed?: number;
  /** Default: all that the service declares. */
  readonly styles?: readonly Style[];
  /** Operations and queries to leave out: those that reach outside. */
  readonly without?: readonly string[];
}

/**
 * Runs a service in the simulated world with faults, as `troupe simulate` does. Resolves to what is to be said of it; rejects with a TrialFailure that
 * says the same when something did not hold, or was not run. Give a function that makes the service if it has variables outside its state: then
 * each server process of the world has its own.
 */
export async function prove(service: AnyService | (() => AnyService), options: ProveOptions = {}): Promise<string> {
  const newService = typeof service === "function" ? service : () => service;
  const { seeds = 3, firstSeed = 1, without = [], styles = stylesOf(newService()) } = options;
  checkWhole("seeds", seeds, 1);
  checkWhole("firstSeed", firstSeed, 0);
  const proof = await proveHere({ newService }, { seeds, firstSeed, without, styles });
  const text = proofText(proof, (style, seed) => `prove(service, { styles: [${JSON.stringify(style)}], firstSeed: ${seed}, seeds: 1 })`);
  if (!hasPassed(proof)) throw new TrialFailure(text);
  return text;
}

/** What is no number of runs would prove nothing and say so of the service; or, beyond the whole numbers, never end. */
function checkWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`${name} has to be a whole number from ${least}, not ${value}.`);
}
