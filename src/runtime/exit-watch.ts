import { closeSync, openSync, readSync } from "node:fs";
import { hasKernelView, parseStat } from "./process-info.js";

export interface ExitWatch {
  /** Looks at the process with this pid from now on, in place of what was followed under the name before. */
  follow(name: string, pid: number): void;
  /** This process has ended, as is known from elsewhere; another one may be followed under the name by now. */
  forget(name: string, pid: number): void;
  close(): void;
}

interface Followed {
  readonly pid: number;
  /** Of /proc/pid/stat: it stays that very process's, whoever gets the pid afterwards. */
  readonly file: number;
}

/** A line of /proc/pid/stat is some 300 bytes. */
const LINE_BYTES_MAX = 1_024;

/**
 * Sees the end of a process as soon as its main thread is on its way out. The exit event of a child, like the closing of its sockets, comes only
 * when the last of its threads is gone and its memory is given back, which takes tens of milliseconds for a large process on a busy machine.
 * One look costs some 10 microseconds. `onExiting` is called once. Without /proc nothing is ever seen.
 */
export function createExitWatch(pollMs: number, onExiting: (name: string, pid: number) => void): ExitWatch {
  const followed = new Map<string, Followed>();
  const buffer = Buffer.alloc(LINE_BYTES_MAX);
  let timer: NodeJS.Timeout | null = null;

  function isEnding(file: number): boolean {
    try {
      const info = parseStat(buffer.toString("latin1", 0, readSync(file, buffer, 0, LINE_BYTES_MAX, 0)));
      return info !== null && (info.exiting || info.state === "zombie");
    } catch {
      // ESRCH: it has ended, and its parent has heard of it.
      return true;
    }
  }

  function look(): void {
    for (const [name, { pid, file }] of followed) {
      if (!isEnding(file)) continue;
      drop(name);
      onExiting(name, pid);
    }
  }

  function drop(name: string): void {
    const known = followed.get(name);
    if (known === undefined) return;
    followed.delete(name);
    closeSync(known.file);
    if (followed.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    follow(name, pid) {
      if (!hasKernelView() || followed.get(name)?.pid === pid) return;
      drop(name);
      let file: number;
      try {
        file = openSync(`/proc/${pid}/stat`, "r");
      } catch {
        // It is gone already, or there are no descriptors left: the other ways of noticing remain.
        return;
      }
      followed.set(name, { pid, file });
      timer ??= setInterval(look, pollMs);
      timer.unref();
    },
    forget(name, pid) {
      if (followed.get(name)?.pid === pid) drop(name);
    },
    close() {
      for (const name of [...followed.keys()]) drop(name);
    },
  };
}
