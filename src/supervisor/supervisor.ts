import { boundLogs } from "../runtime/log-file.js";
import type { ClusterId } from "../vocabulary/ids.js";
import type { ClaimedFolder } from "./claim.js";
import { type ComponentCommand, keepComponent, type KeptComponent, type SupervisorEvent } from "./component.js";
import { END_GRACE_MS, endProcesses } from "./end.js";

export interface SupervisorOptions {
  readonly folder: ClaimedFolder;
  /** Started in this order: `gfd`, `rm`, `lfd`, `gateway`. */
  readonly components: readonly ComponentCommand[];
  /** A component that is stopped or does not answer for so long is killed and started again. Default 2 s. */
  readonly silenceTimeoutMs?: number;
  /** How long a process may take to end when it is asked to. Default 1 s. */
  readonly endGraceMs?: number;
  onEvent?(event: SupervisorEvent): void;
}

export interface Supervisor {
  readonly clusterId: ClusterId;
  /** The process of each component at this moment; null while it is between two lives. */
  pids(): Readonly<Record<string, number | null>>;
  /** Ends every process of the folder, servers and stopped ones too, and gives the folder back. Rejects naming what would not end. */
  stop(): Promise<void>;
}

const SILENCE_TIMEOUT_MS = 2_000;
const TICK_MS_MAX = 200;

/**
 * What `troupe up` is, apart from what it prints: it starts the components, starts them again when they end or fall silent, and ends
 * them. It holds no state of the protocol. However this process ends, its end of their lifelines closes, and they end too.
 */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { folder } = options;
  const silenceTimeoutMs = options.silenceTimeoutMs ?? SILENCE_TIMEOUT_MS;
  const kept: KeptComponent[] = [];
  for (const component of options.components) {
    kept.push(
      await keepComponent({
        dir: folder.dir,
        clusterId: folder.clusterId,
        component,
        silenceTimeoutMs,
        tickMs: Math.min(TICK_MS_MAX, silenceTimeoutMs / 4),
        onEvent: (event) => options.onEvent?.(event),
      }),
    );
  }
  // The servers' are the LFD's. `up` itself has one where it was started with --detach.
  const ownLogs = [...options.components.map((component) => component.name), "up"];
  const letLogsGrow = boundLogs(folder.dir, (name) => ownLogs.includes(name));
  let stopping: Promise<void> | null = null;

  async function stopAll(): Promise<void> {
    letLogsGrow();
    for (const component of kept) component.abandon();
    const left = await endProcesses(folder.dir, options.endGraceMs ?? END_GRACE_MS);
    await folder.release();
    if (left.length > 0) throw new Error(`These processes would not end: ${left.map((one) => `${one.name} (${one.pid})`).join(", ")}.`);
  }

  return {
    clusterId: folder.clusterId,
    pids: () => Object.fromEntries(kept.map((component) => [component.name, component.pid()])),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/** Ctrl-C, SIGTERM and a closed terminal stop the supervisor in order; the second one does not wait. `onStopped` says with which code to exit. */
export function stopOnSignals(supervisor: Supervisor, onStopped: (exitCode: number, error: unknown) => void): void {
  const codes = { SIGINT: 130, SIGTERM: 0, SIGHUP: 129 } as const;
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // The components see the end of this process and end themselves.
      if (stopping) process.exit(codes[signal] || 1);
      stopping = true;
      supervisor.stop().then(
        () => onStopped(codes[signal], null),
        (error: unknown) => onStopped(1, error),
      );
    });
  }
}
