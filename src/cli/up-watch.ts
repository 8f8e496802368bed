import { setTimeout as sleep } from "node:timers/promises";
import type { TroupeEvent } from "../vocabulary/admin.js";
import { eventText, followEvents } from "./event-stream.js";
import { readStatus, type Status, type Target } from "./gateway-api.js";
import { print } from "./output.js";
import type { Load } from "./up-load.js";
import { createScreen, throughputOf, viewLines } from "./up-view.js";

export interface WatchOptions {
  readonly target: Target;
  readonly url: string;
  readonly load: Load | null;
  readonly isJson: boolean;
}

const DRAW_EVERY_MS = 500;
const TELL_LOAD_EVERY_MS = 10_000;
const RECONNECT_MS = 300;
const EVENTS_KEPT = 200;

/** A live view on a terminal; otherwise one line an event. Never returns: signals end it. */
export async function watchSystem(options: WatchOptions): Promise<never> {
  const events: TroupeEvent[] = [];
  const isTerminal = process.stdout.isTTY === true && !options.isJson;
  void collectEvents(options.target, (event) => {
    events.push(event);
    if (events.length > EVENTS_KEPT) events.shift();
    if (!isTerminal) print(options.isJson ? JSON.stringify(event) : eventText(event));
  });
  return isTerminal ? drawForever(options, events) : tellLoadForever(options);
}

async function collectEvents(target: Target, onEvent: (event: TroupeEvent) => void): Promise<never> {
  let last = 0;
  for (;;) {
    try {
      for await (const event of followEvents(target, last)) {
        last = event.id;
        onEvent(event);
      }
    } catch {
      // The gateway is being restarted: it goes on where it was.
    }
    await sleep(RECONNECT_MS);
  }
}

async function drawForever({ target, url, load }: WatchOptions, events: readonly TroupeEvent[]): Promise<never> {
  const screen = createScreen(process.stdout);
  let before: { status: Status; atMs: number } | null = null;
  for (;;) {
    const status = await readStatus(target).catch(() => null);
    const atMs = performance.now();
    const throughput =
      status === null ? new Map<string, number>() : throughputOf(before?.status ?? null, status, atMs - (before?.atMs ?? atMs));
    before = status === null ? null : { status, atMs };
    const { columns, rows } = screen.size();
    screen.draw(["", ...viewLines({ url, status, throughput, load: load?.text() ?? null, events }, { columns, rows: rows - 1 })]);
    await sleep(DRAW_EVERY_MS);
  }
}

async function tellLoadForever({ load, isJson }: WatchOptions): Promise<never> {
  for (;;) {
    await sleep(TELL_LOAD_EVERY_MS);
    if (load !== null) print(isJson ? JSON.stringify({ load: load.text() }) : `load: ${load.text()}`);
  }
}
