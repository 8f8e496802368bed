import type { Appointment } from "./agenda.js";
import { prefixer } from "./trace.js";
import { isAlive, localMs, note, reach, type SimProcess, timer, turnSoon, type World } from "./world.js";

const performing = prefixer("> ");

export interface SimDriverOptions<Event, Effect> {
  step(nowMs: number, event: Event, effects: Effect[]): void;
  nextWakeMs(): number;
  wake(): Event;
  /** After the events of a turn, before its effects. */
  finish?(nowMs: number, effects: Effect[]): void;
  perform(effect: Effect): void;
  /** After the effects. */
  performed?(): void;
}

export interface SimDriver<Event> {
  push(event: Event): void;
}

/**
 * Runs a core as runtime/driver.ts does: everything that one turn of the event loop brings is one batch, the wake-up comes after what was in
 * the sockets, effects are performed at the end. The process may die, or stop, between any two of them.
 */
export function createSimDriver<Event extends { readonly kind: string }, Effect extends { readonly kind: string }>(
  world: World,
  process: SimProcess,
  options: SimDriverOptions<Event, Effect>,
): SimDriver<Event> {
  let queue: Event[] = [];
  let wakeDue = false;
  let scheduled = false;
  let alarm: Appointment | null = null;
  let alarmAtMs = Number.POSITIVE_INFINITY;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    turnSoon(world, process, world.chance.process.between(0.01, 0.06), turn);
  }

  function turn(): void {
    scheduled = false;
    const effects: Effect[] = [];
    const batch = queue;
    queue = [];
    const nowMs = localMs(world, process.host);
    process.cpuMs += 1;
    for (const event of batch) {
      if (event.kind !== "message-received") note(world, process.name, event.kind, () => shortText(event));
      options.step(nowMs, event, effects);
    }
    if (wakeDue) options.step(nowMs, options.wake(), effects);
    wakeDue = false;
    options.finish?.(nowMs, effects);
    performFrom(effects, 0);
  }

  function performFrom(effects: readonly Effect[], first: number): void {
    let i = first;
    for (let effect = effects[i]; effect !== undefined; effect = effects[++i]) {
      strikeWhenDue();
      if (process.state === "stopped") {
        process.interrupted = () => performFrom(effects, i);
        return;
      }
      if (!isAlive(process)) return;
      if (effect.kind !== "send" && effect.kind !== "note") note(world, process.name, performing(effect.kind), () => shortText(effect));
      options.perform(effect);
    }
    if (!isAlive(process)) return;
    options.performed?.();
    setAlarm();
  }

  function strikeWhenDue(): void {
    const { ambush } = process;
    if (ambush === null || ambush.effectsLeft-- > 0) return;
    process.ambush = null;
    ambush.strike();
  }

  function setAlarm(): void {
    const atMs = options.nextWakeMs();
    if (atMs === alarmAtMs) return;
    alarm?.cancel();
    alarm = null;
    alarmAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(1, Math.ceil(atMs - localMs(world, process.host)));
    alarm = timer(world, process, delayMs, () => {
      alarm = null;
      alarmAtMs = Number.POSITIVE_INFINITY;
      wakeDue = true;
      schedule();
    });
  }

  schedule();
  return {
    push(event) {
      reach(process, () => {
        queue.push(event);
        schedule();
      });
    },
  };
}

const TEXT_MAX = 400;

/** An event or message for the timeline. */
export function shortText(value: unknown): string {
  if (value === undefined) return "";
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (part instanceof Uint8Array) return `<${part.length} bytes>`;
    if (part instanceof Map) return `<map of ${part.size}>`;
    return part;
  });
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}...`;
}
