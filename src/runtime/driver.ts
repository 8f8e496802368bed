import { monotonicMs } from "./clock.js";
import { createLogger } from "./log.js";

/** Of EX_SOFTWARE: a rule of the system itself was broken. Whoever watches the process restarts it from its durable state. */
export const INVARIANT_EXIT_CODE = 70;

export interface DriverOptions<Event, Effect> {
  step(nowMs: number, event: Event, effects: Effect[]): void;
  /** On the clock of `monotonicMs`; Infinity for never. */
  nextWakeMs(): number;
  /** The event that says that the time of `nextWakeMs` has come. */
  wake(): Event;
  /** Once after each batch, also when there are no effects. */
  perform(effects: readonly Effect[]): void;
  /** What happens at an exception out of `step` or `perform`. Default: a log line and exit code 70. */
  onFatal?(error: unknown): void;
}

export interface Driver<Event> {
  /** Queues an event. Everything pushed in one turn of the event loop becomes one batch. */
  push(event: Event): void;
  /** Nothing is stepped or performed any more. */
  stop(): void;
}

/** Longest delay that setTimeout takes. */
const DELAY_MS_MAX = 0x7fff_ffff;

/** Runs a core: gathers what a turn of the event loop brings, steps it, then performs all effects at once. */
export function createDriver<Event, Effect>(options: DriverOptions<Event, Effect>): Driver<Event> {
  let queue: Event[] = [];
  let wakeDue = false;
  let scheduled: NodeJS.Immediate | null = null;
  let timer: NodeJS.Timeout | null = null;
  let timerAtMs = Number.POSITIVE_INFINITY;
  let stopped = false;

  function schedule(): void {
    if (scheduled === null && !stopped) scheduled = setImmediate(drain);
  }

  function drain(): void {
    scheduled = null;
    if (stopped) return;
    try {
      runBatch();
      if (!stopped) setTimer();
    } catch (error) {
      stop();
      (options.onFatal ?? exitFatally)(error);
    }
  }

  function runBatch(): void {
    const effects: Effect[] = [];
    const batch = queue;
    queue = [];
    const nowMs = monotonicMs();
    for (const event of batch) options.step(nowMs, event, effects);
    // After a pause of the process timers fire before sockets are read: what was in the sockets comes first here.
    if (wakeDue) options.step(nowMs, options.wake(), effects);
    wakeDue = false;
    options.perform(effects);
  }

  function setTimer(): void {
    const atMs = options.nextWakeMs();
    if (atMs === timerAtMs) return;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    timerAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(DELAY_MS_MAX, Math.max(1, Math.ceil(atMs - monotonicMs())));
    timer = setTimeout(onTimer, delayMs);
  }

  function onTimer(): void {
    timer = null;
    timerAtMs = Number.POSITIVE_INFINITY;
    wakeDue = true;
    schedule();
  }

  function stop(): void {
    stopped = true;
    queue = [];
    if (timer !== null) clearTimeout(timer);
    if (scheduled !== null) clearImmediate(scheduled);
    timer = null;
    scheduled = null;
  }

  // The first wake-up time is known only once the caller's state exists.
  schedule();
  return {
    push(event) {
      if (stopped) return;
      queue.push(event);
      schedule();
    },
    stop,
  };
}

/** For what a process does outside of its driver's batches and cannot go on without. */
export function exitFatally(error: unknown): void {
  createLogger("driver").fatal({ err: error }, "a rule of the system itself was broken: the process ends");
  process.exit(INVARIANT_EXIT_CODE);
}
