import type { Plan } from "./plan.js";
import { runSeed } from "./run.js";
import { type Shape, shaped, WHOLE, WITHOUT } from "./shape.js";
import { drawStrikes } from "./storm.js";
import type { Violation } from "./world.js";

export interface Shrunk {
  readonly shape: Shape;
  readonly violation: Violation;
  /** Strikes of the whole run, and how many runs it took. */
  readonly strikesBefore: number;
  readonly runs: number;
}

/** `S2a violated: ...` and `S2a` are one rule. */
function ruleOf(violation: Violation): string {
  return violation.rule.split(" ")[0] ?? violation.rule;
}

interface Search {
  readonly seed: number;
  readonly plan: Plan;
  readonly rule: string;
  readonly mayGoOn: () => boolean;
  best: Shape;
  violation: Violation;
  runs: number;
}

/**
 * The least that still breaks the same rule: fewer strikes (delta debugging: Zeller and Hildebrandt, TSE 2002), then fewer clients, replicas and
 * hosts, and nothing out of the ordinary. Null when the seed breaks none. Ends early when `mayGoOn` says so.
 */
export async function shrink(seed: number, plan: Plan, mayGoOn: () => boolean): Promise<Shrunk | null> {
  const { violation } = await runSeed(seed, { plan });
  if (violation === null) return null;
  const strikes = drawStrikes(seed, plan).filter(({ number }) => plan.strikes?.includes(number) ?? true);
  const search: Search = { seed, plan, rule: ruleOf(violation), mayGoOn, best: WHOLE, violation, runs: 1 };
  const until = strikes.filter(({ atMs }) => atMs <= violation.atMs).map(({ number }) => number);
  await tryShape(search, { ...search.best, strikes: until });
  await dropStrikes(search);
  const before = search.best;
  await simplify(search);
  if (search.best !== before) await dropStrikes(search);
  return { shape: search.best, violation: search.violation, strikesBefore: strikes.length, runs: search.runs };
}

async function tryShape(search: Search, shape: Shape): Promise<boolean> {
  if (!search.mayGoOn()) return false;
  search.runs += 1;
  const { violation } = await runSeed(search.seed, { plan: shaped(search.plan, shape) });
  if (violation === null || ruleOf(violation) !== search.rule) return false;
  search.best = shape;
  search.violation = violation;
  return true;
}

/** Leaves out ever smaller pieces, until no single strike can be left out. */
async function dropStrikes(search: Search): Promise<void> {
  let pieces = 2;
  for (;;) {
    const strikes = search.best.strikes ?? [];
    if (strikes.length === 0 || !search.mayGoOn()) return;
    const size = Math.ceil(strikes.length / pieces);
    let dropped = false;
    for (let from = 0; from < strikes.length && !dropped; from += size)
      dropped = await tryShape(search, { ...search.best, strikes: [...strikes.slice(0, from), ...strikes.slice(from + size)] });
    if (dropped) pieces = Math.max(2, pieces - 1);
    else if (size === 1) return;
    else pieces = Math.min(strikes.length, pieces * 2);
  }
}

async function simplify(search: Search): Promise<void> {
  const { plan } = search;
  for (const name of Object.keys(WITHOUT)) {
    const { without } = search.best;
    const simpler = { ...search.best, without: [...without, name] };
    if (JSON.stringify(shaped(plan, simpler)) !== JSON.stringify(shaped(plan, search.best))) await tryShape(search, simpler);
  }
  await least(search, "clients", plan.clientCount);
  await least(search, "threads", plan.threadsPerClient);
  await least(search, "replicas", plan.spec.replicas);
  await least(search, "hosts", plan.hostCount);
}

/** The smallest number that still does. */
async function least(search: Search, name: "clients" | "threads" | "replicas" | "hosts", most: number): Promise<void> {
  for (let number = 1; number < most; number++) if (await tryShape(search, { ...search.best, [name]: number })) return;
}
