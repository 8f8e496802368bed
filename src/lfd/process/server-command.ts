/** How a server is started: this program once more, set up for a process that others wait for. */
export interface ServerCommand {
  readonly command: string;
  /** What comes before `server --dir DIR --spec FILE`. */
  readonly args: readonly string[];
  /** Default: as this process has it. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * A server keeps its young objects in an eighth of the usual room. What survives of them is copied while everything waits, about 3 ms for each MiB:
 * with a large state this is what stalls a server most often. The process is also smaller: when it dies, its memory is given back in less time,
 * which the failover needs the processor for.
 */
const YOUNG_SPACE = { name: "--max-semi-space-size", flag: "--max-semi-space-size=2" };

/**
 * And it copies them with the thread that needs the room, alone. V8 shares the work among threads and waits for the last of them: where the
 * processors are taken, each has to stand in line first, and the event loop sleeps for it, up to 100 ms for 5 ms of work. Marking stays beside
 * the event loop: done by it (`--single-threaded-gc`), a state of 1 GB stalled for 355 to 1,215 ms in place of 41 to 163.
 */
const ALONE = { name: "parallel-scavenge", flag: "--no-parallel-scavenge" };

/**
 * Who hands work to the thread pool may have to wait until a thread that was woken before has come to run (pthread_cond_signal does, up to
 * glibc 2.40, once all that slept have been woken in turn): the more of them, the more seldom.
 */
const POOL_THREADS = { name: "UV_THREADPOOL_SIZE", count: 16 };

/** What this process was told itself counts more. */
export function serverCommand(from: Pick<NodeJS.Process, "execPath" | "execArgv" | "argv" | "env">): ServerCommand {
  const told = [...from.execArgv, from.env.NODE_OPTIONS ?? ""];
  const flags = [YOUNG_SPACE, ALONE].filter(({ name }) => !told.some((flag) => flag.includes(name))).map(({ flag }) => flag);
  return {
    command: from.execPath,
    args: [...from.execArgv, ...flags, from.argv[1] ?? ""],
    env: { [POOL_THREADS.name]: String(POOL_THREADS.count), ...from.env },
  };
}
