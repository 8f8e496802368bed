import { writeSync } from "node:fs";
import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger };

const STDERR = 2;
let stream: DestinationStream | null = null;

/**
 * A logger to stderr, one JSON object a line. Writing is synchronous: the last line before an exit is the one that matters.
 * The level is info, or what TROUPE_LOG_LEVEL says.
 */
export function createLogger(component: string): Logger {
  stream ??= linesTo(STDERR);
  return logTo(stream, component);
}

export function logTo(lines: DestinationStream, component: string): Logger {
  return pino({ level: process.env.TROUPE_LOG_LEVEL ?? "info", base: { component, pid: process.pid } }, lines);
}

/**
 * A full disk costs history, not service: a line that cannot be written is dropped. It must neither end the process that has something to
 * say nor hold it up, as the streams that pino brings along do.
 */
export function linesTo(file: number): DestinationStream {
  return {
    write(line) {
      const bytes = Buffer.from(line);
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      } catch {
        // Dropped.
      }
    },
  };
}
