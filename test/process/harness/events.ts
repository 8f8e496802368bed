import type { TroupeEvent } from "../../../src/vocabulary/admin.js";
import type { Installation } from "./installation.js";

const QUIET_MS = 500;

/** The events that the gateway holds, oldest first. */
export async function eventsOf(at: Installation): Promise<readonly TroupeEvent[]> {
  let text = "";
  try {
    const response = await fetch(`${at.url}/v1/events`, { signal: AbortSignal.timeout(QUIET_MS) });
    if (response.body === null) return [];
    const decoder = new TextDecoder();
    for await (const bytes of response.body) text += decoder.decode(bytes, { stream: true });
  } catch {
    // The stream has no end: the time-out is it.
  }
  return text.split("\n").flatMap((line): TroupeEvent[] => {
    if (!line.startsWith("data: ")) return [];
    try {
      return [JSON.parse(line.slice("data: ".length))];
    } catch {
      return []; // Cut off by the time-out.
    }
  });
}
