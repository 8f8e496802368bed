import type { Plan } from "./plan.js";
import { runSeed } from "./run.js";
import { lineText, type TraceLine } from "./trace.js";

/** Messages and turns before the end; faults, views and processes are told from the beginning. */
const CLOSE_LINES = 150;
/** Of what happens all the time. */
const HEADLINES_MAX = 200;

const PLACES: ReadonlySet<string> = new Set(["storm", "network", "store", "admin", "checker"]);
const KINDS: ReadonlySet<string> = new Set([
  "process-started",
  "process-ended",
  "process-stopped",
  "process-continued",
  "disk-wiped",
  "disk-damaged",
  "damaged",
  "ends",
  "closes",
  "event view-changed",
  "event change-began",
  "event attempt-failed",
  "event store-old",
  "event loss",
]);
const MESSAGES: ReadonlySet<string> = new Set([
  ...["append", "append-ack", "append-refused", "confirm", "confirmed", "snapshot-slice", "snapshot-ack", "request", "query", "reply"],
  ...["seal", "sealed", "seal-refused", "lead", "led", "lead-failed", "activate", "activated", "activate-refused"],
  ...["hand-over", "hand-over-ready", "hand-over-failed", "request-failed", "redirect"],
]);

function isHeadline({ place, kind }: TraceLine): boolean {
  return PLACES.has(place) || KINDS.has(kind);
}

function isOfStory(line: TraceLine): boolean {
  const { kind } = line;
  if (isHeadline(line) || kind === "is told" || kind.startsWith("note ")) return true;
  return (kind.startsWith("< ") || kind.startsWith("again ")) && MESSAGES.has(kind.slice(kind.indexOf(" ") + 1));
}

/** What happened until a rule was broken: faults, views and processes of the whole run, and the messages of its end. */
export async function timelineOf(seed: number, plan: Plan): Promise<string[]> {
  const headlines: string[] = [];
  let close: { readonly text: string; readonly headline: boolean }[] = [];
  let ended = false;
  const keep = (part: (typeof close)[number]): void => {
    if (part.headline) headlines.push(part.text);
  };
  await runSeed(seed, {
    plan,
    print(_, line) {
      if (ended || !isOfStory(line)) return;
      ended = line.place === "checker";
      close.push({ text: lineText(line), headline: isHeadline(line) });
      if (close.length < 2 * CLOSE_LINES) return;
      for (const part of close.slice(0, CLOSE_LINES)) keep(part);
      close = close.slice(CLOSE_LINES);
    },
  });
  for (const part of close.slice(0, -CLOSE_LINES)) keep(part);
  const skipped = Math.max(0, headlines.length - HEADLINES_MAX);
  return [
    ...(skipped === 0 ? [] : [`${skipped} lines before`]),
    ...headlines.slice(skipped),
    "-- every message from here on --",
    ...close.slice(-CLOSE_LINES).map((part) => part.text),
  ];
}
