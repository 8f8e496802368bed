/** What an exploration contains. Everything in it happens at every moment and in every order, each message late, doubled or lost. */
import type { Style } from "../vocabulary/style.js";

export interface Scope {
  readonly name: string;
  /** Members of the first view, which is active when the exploration begins; the first leads it, a session is open. */
  readonly members: number;
  /** Replicas outside it that may be admitted. */
  readonly spares: number;
  readonly style: Style;
  /** The first is in office; each other may take office, with a new term, at any moment. */
  readonly rms: number;
  /** What stands for the Replication Manager: its real core, or a script that at every moment does anything that the rules allow. */
  readonly manager: "core" | "script";
  /** Attempts at another view, over all RMs. */
  readonly attempts: number;
  /** Verdicts of the detectors, over all RMs, that a replica is suspected, at any moment, of any replica (the real core only). */
  readonly suspicions: number;
  /**
   * An RM may act on a report long after it came. Without this it acts on each as it comes, or never: it may hear the same or another at every
   * moment, so what is left out is only that it acts on what is not so any more (the real core only).
   */
  readonly keepsReports: boolean;
  /** Writes of the store whose outcome nobody can say (the real core only). */
  readonly doubts: number;
  /** Requests, each sent to any replica at any moment, again and again. */
  readonly requests: number;
  /** Each is of a client of its own, known by a key; otherwise all are of one session. */
  readonly keyed: boolean;
  /** Linearizable reads, each asked of any replica at any moment. */
  readonly reads: number;
  /** Processes that die, with what they were writing, and start again on their disks. */
  readonly restarts: number;
  /** Processes that die and come back without their disk. */
  readonly wipes: number;
  /** Moments at which a leader's heartbeats are due: what it has told nobody yet it tells then, and what is not acknowledged it sends again. */
  readonly heartbeats: number;
  /** A leader that waits for its start entry may run out of time. */
  readonly leadTimeouts: boolean;
  /** A checkpoint each so many entries. */
  readonly checkpointEntries: number;
  /**
   * Messages that the rules let nobody take any more (below a durable promise, S2a; answers to an earlier attempt, S1b) are left out of the world.
   * Without this they still come late, as they can, and it is shown that they are refused.
   */
  readonly forgets: boolean;
  /**
   * `breadth`: by the number of steps. `disturbances`: by how much is out of the ordinary; in the ordinary run each replica, in the order of
   * `order`, takes what has come for it as soon as it can, then the RMs go on with what they have begun, then clients ask, one request in each
   * view, then the view is changed. Each other step, and each death, is a disturbance: few of them lead deep into a scope that is too large
   * to be seen whole.
   */
  readonly search: "breadth" | "disturbances";
  readonly order: readonly number[];
  /** Of worlds that are the same but for names (`renamings.ts`) only one is looked at. */
  readonly merges: boolean;
  /** Worlds that take more steps, or disturbances, are not part of it: `complete` is said of those that do not. */
  readonly depthMax: number;
  /** At most so many states are looked at. */
  readonly statesMax: number;
}

/** As many as the search can count. */
export const DEPTH_MAX = 250;

const SMALL: Scope = {
  name: "small",
  members: 3,
  spares: 0,
  style: "active",
  rms: 1,
  manager: "script",
  attempts: 1,
  suspicions: 0,
  doubts: 0,
  keepsReports: true,
  requests: 1,
  keyed: false,
  reads: 0,
  restarts: 0,
  wipes: 0,
  heartbeats: 0,
  leadTimeouts: false,
  checkpointEntries: 1_000_000,
  forgets: true,
  search: "breadth",
  order: [1, 2, 3, 4],
  merges: true,
  depthMax: DEPTH_MAX,
  statesMax: 1_000_000,
};

/** With the Replication Manager's real core. */
const CORE = { manager: "core", requests: 0 } as const;

/** Each is small enough to be seen whole in seconds; together they hold each thing that can happen. */
const SMALL_SCOPES: readonly Scope[] = [
  SMALL,
  { ...SMALL, name: "small-passive", style: "warm-passive" },
  { ...SMALL, name: "small-read", requests: 0, reads: 1 },
  { ...SMALL, name: "small-restart", requests: 0, restarts: 1 },
  { ...SMALL, name: "small-steady", attempts: 0, restarts: 1, heartbeats: 1 },
  { ...SMALL, name: "small-pair", members: 2, restarts: 1, heartbeats: 1 },
  { ...SMALL, name: "small-wipe", requests: 0, wipes: 1 },
  { ...SMALL, name: "small-spare", requests: 0, spares: 1 },
  { ...SMALL, name: "small-rivals", requests: 0, rms: 2 },
  { ...SMALL, name: "small-late", forgets: false },
  { ...SMALL, ...CORE, name: "small-core", suspicions: 1, keepsReports: false },
  { ...SMALL, ...CORE, name: "small-core-rivals", rms: 2, keepsReports: false },
];

/** Too large for every test run, small enough to be seen whole in minutes. */
const MEDIUM = { ...SMALL, statesMax: 100_000_000 };

const MEDIUM_SCOPES: readonly Scope[] = [
  { ...MEDIUM, name: "changes", requests: 0, attempts: 2 },
  { ...MEDIUM, name: "rivals", requests: 0, rms: 2, attempts: 2 },
  { ...MEDIUM, name: "restart", style: "warm-passive", restarts: 1 },
  { ...MEDIUM, name: "wipe", wipes: 1 },
  { ...MEDIUM, name: "pair", members: 2, spares: 1, attempts: 2, wipes: 1 },
  { ...MEDIUM, name: "transfer", members: 2, spares: 1, requests: 0, checkpointEntries: 2 },
  { ...MEDIUM, name: "read", style: "warm-passive", reads: 1 },
  { ...MEDIUM, name: "late-restart", requests: 0, forgets: false, restarts: 1 },
  { ...MEDIUM, ...CORE, name: "core", suspicions: 1 },
  { ...MEDIUM, ...CORE, name: "core-restart", restarts: 1 },
  { ...MEDIUM, ...CORE, name: "core-wipe", wipes: 1 },
  { ...MEDIUM, ...CORE, name: "core-doubt", suspicions: 1, doubts: 1 },
  { ...MEDIUM, ...CORE, name: "core-spare", spares: 1, keepsReports: false },
  { ...MEDIUM, ...CORE, name: "core-request", requests: 1, suspicions: 1, keepsReports: false },
  { ...MEDIUM, ...CORE, name: "core-late", forgets: false, suspicions: 1, keepsReports: false },
  { ...MEDIUM, ...CORE, name: "core-rivals", rms: 2, attempts: 2, keepsReports: false },
];

/** What issue and protocol ask for at the least, and more: two rivals that are the real core. */
const FULL: Scope = {
  ...SMALL,
  name: "full",
  spares: 1,
  style: "warm-passive",
  rms: 2,
  manager: "core",
  attempts: 2,
  suspicions: 2,
  keepsReports: false,
  requests: 2,
  reads: 1,
  restarts: 1,
  wipes: 1,
  heartbeats: 2,
  leadTimeouts: true,
  search: "disturbances",
  statesMax: 100_000_000,
};

const FULL_SCOPES: readonly Scope[] = [
  FULL,
  // Every run in which at most two things are out of the ordinary, wherever in it.
  { ...FULL, name: "full-two", keyed: true, depthMax: 2 },
  { ...FULL, name: "full-reverse", order: [4, 3, 2, 1] },
  { ...FULL, name: "full-breadth", search: "breadth" },
  { ...FULL, name: "full-script", manager: "script", suspicions: 0 },
];

export const SCOPES: readonly Scope[] = [...SMALL_SCOPES, ...MEDIUM_SCOPES, ...FULL_SCOPES];

export function scopeNamed(name: string): Scope | undefined {
  return SCOPES.find((scope) => scope.name === name);
}
