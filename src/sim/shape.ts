import type { Plan } from "./plan.js";

/** What a run is cut down to: less than its seed would draw. Names of `without` are in WITHOUT. */
export interface Shape {
  /** Of all strikes only these; null: all. */
  readonly strikes: readonly number[] | null;
  readonly clients: number | null;
  readonly threads: number | null;
  readonly replicas: number | null;
  readonly hosts: number | null;
  readonly without: readonly string[];
}

export const WHOLE: Shape = { strikes: null, clients: null, threads: null, replicas: null, hosts: null, without: [] };

/** What a plan can do without. */
export const WITHOUT: Readonly<Record<string, (plan: Plan) => Plan>> = {
  bounds: (plan) => ({ ...plan, bounds: {} }),
  codec: (plan) => ({ ...plan, settings: { ...plan.settings, codec: false } }),
  tails: (plan) => ({ ...plan, settings: { ...plan.settings, tailProbability: 0 } }),
  replays: (plan) => ({ ...plan, settings: { ...plan.settings, replayProbability: 0 } }),
  "weak-reads": (plan) => ({ ...plan, weakReads: false }),
  "slow-handlers": (plan) => ({ ...plan, slowHandlers: false }),
  "named-hosts": (plan) => ({ ...plan, hostsNamed: false }),
  "wall-drift": (plan) => ({ ...plan, settings: { ...plan.settings, wallDriftMax: 0 } }),
  "store-doubts": (plan) => ({ ...plan, storeUnknownProbability: 0 }),
};

export function shaped(plan: Plan, shape: Shape): Plan {
  let made: Plan = {
    ...plan,
    strikes: shape.strikes ?? plan.strikes,
    clientCount: shape.clients ?? plan.clientCount,
    threadsPerClient: shape.threads ?? plan.threadsPerClient,
    hostCount: shape.hosts ?? plan.hostCount,
    spec: { ...plan.spec, replicas: shape.replicas ?? plan.spec.replicas },
  };
  for (const name of shape.without) made = WITHOUT[name]?.(made) ?? made;
  return made;
}

const NUMBERS = ["clients", "threads", "replicas", "hosts"] as const;

/** As words of a line: `strikes=3,17 clients=1 without=bounds,codec`. Empty for the whole. */
export function shapeText(shape: Shape): string {
  const words: string[] = [];
  if (shape.strikes !== null) words.push(`strikes=${shape.strikes.join(",") || "none"}`);
  for (const name of NUMBERS) if (shape[name] !== null) words.push(`${name}=${shape[name]}`);
  if (shape.without.length > 0) words.push(`without=${shape.without.join(",")}`);
  return words.join(" ");
}

/** A seed, what it is cut down to, and why it is kept. A reason why the line is none, otherwise. */
export function parseSeedLine(line: string): { readonly seed: number; readonly shape: Shape; readonly why: string } | string {
  const [first = "", ...rest] = line.trim().split(/\s+/);
  const seed = Number(first);
  if (!/^\d+$/.test(first)) return `a line begins with a seed, not with "${first}"`;
  let shape = WHOLE;
  let at = 0;
  for (; /^[a-z]+=/.test(rest[at] ?? ""); at++) {
    const next = withWord(shape, rest[at] ?? "");
    if (typeof next === "string") return next;
    shape = next;
  }
  return { seed, shape, why: rest.slice(at).join(" ") };
}

function withWord(shape: Shape, word: string): Shape | string {
  const [name = "", value = ""] = word.split("=");
  const parts = value === "none" ? [] : value.split(",");
  if (name === "without") return parts.every((part) => part in WITHOUT) ? { ...shape, without: parts } : `a run cannot do without ${value}`;
  const known = NUMBERS.find((each) => each === name);
  if (name !== "strikes" && known === undefined) return `"${word}" says nothing`;
  const numbers = parts.map(Number);
  if (!numbers.every((number) => Number.isInteger(number) && number > 0)) return `${word} has no numbers`;
  if (name === "strikes") return { ...shape, strikes: numbers };
  return known === undefined || numbers.length !== 1 ? `${word} wants one number` : { ...shape, [known]: numbers[0] };
}
