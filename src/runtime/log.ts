import { type DestinationStream, destination, type Logger, pino } from "pino";

export type { Logger };

let stream: DestinationStream | null = null;

/**
 * A logger to stderr, one JSON object a line. Writing is synchronous: the last line before an exit is the one that matters.
 * The level is info, or what TROUPE_LOG_LEVEL says.
 */
export function createLogger(component: string): Logger {
  stream ??= destination({ dest: 2, sync: true });
  return pino({ level: process.env.TROUPE_LOG_LEVEL ?? "info", base: { component, pid: process.pid } }, stream);
}
