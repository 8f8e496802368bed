import { createPresence, noteDue, noteStep, type Stamp, stamp } from "../detection/absence.js";
import { type Child, createLifelines, spawnChild } from "../runtime/child.js";
import { lastWords, logSizeBytes } from "../runtime/log-file.js";
import { monotonicMs } from "../runtime/clock.js";
import { cpuWaitMs, isAlive, processState, signalProcess } from "../runtime/process-info.js";
import type { ClusterId } from "../vocabulary/ids.js";
import { createProbe, type ProbeKind } from "./probe.js";
import { RESTART_DELAY_MS_MIN, restartDelayMs, whyKill } from "./restart.js";

/** One of the processes that `up` keeps alive. */
export interface ComponentCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly probe: ProbeKind;
}

/** A component that ends with this code (EX_CONFIG) says that starting it again will not help: a wrong setting, a port in use, data it must not touch. */
export const GAVE_UP_EXIT_CODE = 78;

export type SupervisorEvent =
  | { readonly kind: "started"; readonly component: string; readonly pid: number }
  | {
      readonly kind: "ended";
      readonly component: string;
      readonly pid: number;
      readonly how: string;
      readonly lastWords: string;
      readonly restartInMs: number;
    }
  | { readonly kind: "killed"; readonly component: string; readonly pid: number; readonly why: string }
  /** It will not be started again. */
  | { readonly kind: "gave-up"; readonly component: string; readonly why: string };

export interface KeepOptions {
  readonly dir: string;
  readonly clusterId: ClusterId;
  readonly component: ComponentCommand;
  readonly silenceTimeoutMs: number;
  readonly tickMs: number;
  onEvent(event: SupervisorEvent): void;
}

export interface KeptComponent {
  readonly name: string;
  pid(): number | null;
  /** No more restarts; the process itself is ended by the caller. */
  abandon(): void;
}

/** Starts a component, watches it, and starts it again whenever it ends or falls silent, until abandoned. */
export async function keepComponent(options: KeepOptions): Promise<KeptComponent> {
  const { component, dir } = options;
  const presence = createPresence();
  // Each life has its own; servers may hold the one of an LFD that is long gone.
  const lifelines = createLifelines();
  let child: Child | null = null;
  let abandoned = false;
  let delayMs = 0;
  let startedAtMs = 0;
  let restartTimer: NodeJS.Timeout | null = null;
  let stoppedSince: Stamp | null = null;
  let unansweredSince: Stamp | null = null;
  /** What it had waited for the processor by then. */
  let cpuWaitedMs = 0;
  let hasAnswered = false;
  let killedAtMs = Number.NEGATIVE_INFINITY;

  const probe = createProbe({
    kind: component.probe,
    dir,
    name: component.name,
    clusterId: options.clusterId,
    pid: () => child?.pid ?? null,
    onAnswer: () => {
      hasAnswered = true;
      unansweredSince = null;
    },
  });

  async function start(): Promise<void> {
    restartTimer = null;
    if (abandoned) return;
    startedAtMs = monotonicMs();
    stoppedSince = null;
    unansweredSince = null;
    hasAnswered = false;
    const logFromBytes = logSizeBytes(dir, component.name);
    const spawning = await spawnChild({
      dir,
      name: component.name,
      command: component.command,
      args: component.args,
      lifeline: "own",
      onExit: (code, signal) => onExit(code, signal, lastWords(dir, component.name, logFromBytes)),
    });
    if (!spawning.ok) {
      onEnded(`could not be started: ${spawning.reason}`, 0, "");
      return;
    }
    child = spawning.child;
    lifelines.hold(child.lifeline);
    // Abandoned while it was being started: the caller ends what is recorded, and this one is recorded.
    options.onEvent({ kind: "started", component: component.name, pid: child.pid });
  }

  function onExit(code: number | null, signal: NodeJS.Signals | null, words: string): void {
    const pid = child?.pid ?? 0;
    child = null;
    if (abandoned) return;
    if (code === GAVE_UP_EXIT_CODE) {
      options.onEvent({ kind: "gave-up", component: component.name, why: words });
      return;
    }
    onEnded(signal === null ? `exit code ${code}` : `killed by ${signal}`, pid, words);
  }

  function onEnded(how: string, pid: number, words: string): void {
    if (abandoned) return;
    delayMs = delayMs === 0 ? RESTART_DELAY_MS_MIN : restartDelayMs(delayMs, monotonicMs() - startedAtMs);
    options.onEvent({ kind: "ended", component: component.name, pid, how, lastWords: words, restartInMs: delayMs });
    restartTimer = setTimeout(() => void start(), delayMs);
  }

  function tick(): void {
    const nowMs = monotonicMs();
    noteStep(presence, nowMs);
    noteDue(presence, nowMs + options.tickMs);
    if (child === null) return;
    if (processState(child.pid) === "stopped") stoppedSince ??= stamp(presence, nowMs);
    else stoppedSince = null;
    const starvedMs = unansweredSince === null ? 0 : cpuWaitMs(child.pid) - cpuWaitedMs;
    const why = whyKill({ stoppedSince, unansweredSince, starvedMs }, presence, nowMs, options.silenceTimeoutMs);
    if (why !== null) kill(child, why, nowMs);
    else if (probe.ask() && hasAnswered && unansweredSince === null) {
      unansweredSince = stamp(presence, nowMs);
      cpuWaitedMs = cpuWaitMs(child.pid);
    }
  }

  function kill(target: Child, why: string, nowMs: number): void {
    if (nowMs - killedAtMs < options.silenceTimeoutMs || !isAlive(target.pid, target.startTime)) return;
    killedAtMs = nowMs;
    options.onEvent({ kind: "killed", component: component.name, pid: target.pid, why });
    signalProcess(target.pid, target.startTime, "SIGKILL");
  }

  const ticker = setInterval(tick, options.tickMs);
  await start();
  return {
    name: component.name,
    pid: () => child?.pid ?? null,
    abandon() {
      abandoned = true;
      clearInterval(ticker);
      if (restartTimer !== null) clearTimeout(restartTimer);
      probe.close();
    },
  };
}
