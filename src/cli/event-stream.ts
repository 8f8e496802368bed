import { EVENTS_ALL_TOLD, type TroupeEvent } from "../vocabulary/admin.js";
import { gatewayUrl, type Target } from "./gateway-api.js";
import { EXIT, Failure } from "./output.js";

/** The events of a running system, from after an id on, then as they happen. Ends when the connection does. Throws when nobody answers. */
export async function* followEvents(target: Target, after: number): AsyncGenerator<TroupeEvent> {
  for await (const event of readStream(target, after)) if (event !== EVENTS_ALL_TOLD) yield event;
}

/** The events of before alone. Throws where they do not come to their end, or nothing comes for `silenceMaxMs`. */
export async function* readEvents(target: Target, after: number, silenceMaxMs: number): AsyncGenerator<TroupeEvent> {
  const abort = new AbortController();
  const startTimer = () => setTimeout(() => abort.abort(), silenceMaxMs);
  let timer = startTimer();
  try {
    for await (const event of readStream(target, after, abort.signal)) {
      if (event === EVENTS_ALL_TOLD) return;
      clearTimeout(timer);
      yield event;
      timer = startTimer();
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  throw new Failure(
    EXIT.failed,
    "The gateway has not told all events: it was ended, or hears nothing of the Replication Manager (`troupe status`). Ask again.",
  );
}

async function* readStream(target: Target, after: number, signal?: AbortSignal): AsyncGenerator<TroupeEvent | typeof EVENTS_ALL_TOLD> {
  const init: RequestInit = { headers: { "last-event-id": String(after) } };
  if (signal !== undefined) init.signal = signal;
  const response = await fetch(`${gatewayUrl(target)}/v1/events`, init);
  if (response.body === null || !response.ok) throw new Error(`the gateway answered ${response.status}`);
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      if (block === EVENTS_ALL_TOLD) yield EVENTS_ALL_TOLD;
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as TroupeEvent;
    }
  }
}

export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23);
}

export function eventText(event: TroupeEvent): string {
  const data =
    event.data === undefined
      ? ""
      : ` (${Object.entries(event.data)
          .map(([name, value]) => `${name} ${shortNumber(value)}`)
          .join(", ")})`;
  return `${timeText(event.atMs)}  ${event.kind.padEnd(14)}  ${event.text}${data}`;
}

function shortNumber(value: number | string | boolean): string {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : String(value);
}
