import { appendFile, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TroupeEvent } from "../../vocabulary/admin.js";
import type { Announcement } from "../core/effect.js";

const EVENTS_MAX = 1_000;
/** A file that has grown to so many is cut to what memory holds. */
const FILE_EVENTS_MAX = 10 * EVENTS_MAX;
/** Told, and not written yet: no more than this when the process is killed. */
const UNWRITTEN_MAX = EVENTS_MAX;
const FILE = "events.ndjson";
/** What is said once for all time (S5c) outlasts the rest: it would be said anew, as if it had happened again, when nobody remembers it. */
const LASTING_KIND = "damage-found";
const LASTING_MAX = 100;
const LASTING_MARK = `"kind":"${LASTING_KIND}"`;

export interface EventLog {
  /** Gives the event its number, remembers it, and has it written behind. `atMs`: when it happened. */
  add(announcement: Announcement, atMs: number): TroupeEvent;
  after(id: number): readonly TroupeEvent[];
  /** Texts of the damages that were told, however long ago. */
  damagesSaid(): string[];
  /** Somebody has heard of the event with this number: whatever the file has lost, later ones have later numbers. */
  pass(id: number): void;
}

/** The history of decisions: the last 1,000, and some that last, in memory, and a file that outlives the process. For people; nothing is decided by it. */
export function openEventLog(folder: string): EventLog {
  const path = join(folder, FILE);
  let events = readEvents(folder);
  // Somebody may have been told of events that never came to the file: their numbers are not used again.
  let passedId = existsSync(path) ? (events.at(-1)?.id ?? 0) + UNWRITTEN_MAX : 0;
  rewrite(path, events);
  let fileEvents = events.length;
  let lines: string[] = [];
  let writing = false;

  function write(): void {
    if (writing || lines.length === 0) return;
    if (fileEvents > FILE_EVENTS_MAX) cut();
    fileEvents += lines.length;
    writing = true;
    const text = lines.join("");
    lines = [];
    // A full disk costs history, not service.
    appendFile(path, text, { mode: 0o600 }, () => {
      writing = false;
      write();
    });
  }

  /** What waits to be written is among what memory holds. */
  function cut(): void {
    fileEvents = 0;
    if (rewrite(path, kept(events))) lines = [];
  }

  return {
    add(announcement, atMs) {
      const event: TroupeEvent = { id: Math.max(passedId, events.at(-1)?.id ?? 0) + 1, atMs, ...announcement };
      events.push(event);
      if (events.length > 2 * EVENTS_MAX) events = kept(events);
      if (lines.length < EVENTS_MAX) lines.push(`${JSON.stringify(event)}\n`);
      write();
      return event;
    },
    after: (id) => events.filter((event) => event.id > id).slice(-EVENTS_MAX),
    damagesSaid: () => events.flatMap(({ kind, text }) => (kind === LASTING_KIND ? [text] : [])),
    pass(id) {
      passedId = Math.max(passedId, id);
    },
  };
}

function kept(events: readonly TroupeEvent[]): TroupeEvent[] {
  const lasting = events.slice(0, -EVENTS_MAX).filter(({ kind }) => kind === LASTING_KIND);
  return [...lasting.slice(-LASTING_MAX), ...events.slice(-EVENTS_MAX)];
}

/** What is kept in a Replication Manager's folder. Unreadable lines (cut off by a crash) are left out. */
export function readEvents(folder: string): TroupeEvent[] {
  let text: string;
  try {
    text = readFileSync(join(folder, FILE), "utf8");
  } catch {
    return [];
  }
  const events: TroupeEvent[] = [];
  const all = text.split("\n");
  for (const [at, line] of all.entries()) {
    if (at < all.length - EVENTS_MAX - 1 && !line.includes(LASTING_MARK)) continue;
    try {
      const event: unknown = JSON.parse(line);
      if (isEvent(event)) events.push(event);
    } catch {
      // Cut off.
    }
  }
  return events;
}

function isEvent(value: unknown): value is TroupeEvent {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "number" && "kind" in value && "text" in value;
}

/** At each start, and now and then, the file is cut to what memory holds, so that it does not grow for ever. False: it is as it was. */
function rewrite(path: string, events: readonly TroupeEvent[]): boolean {
  try {
    writeFileSync(`${path}.new`, events.map((event) => `${JSON.stringify(event)}\n`).join(""), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return true;
  } catch {
    // A full disk costs history, not service.
    return false;
  }
}
