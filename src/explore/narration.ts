/** Messages in words, for the paths to violations. */
import { epochText } from "../vocabulary/epoch.js";
import type { Entry } from "../vocabulary/entry.js";
import type { Message } from "../vocabulary/message.js";
import type { Envelope } from "./catalog.js";
import { replicaOfLife } from "./life.js";

function entryText(entry: Entry): string {
  const { body } = entry;
  const what =
    body.kind === "request" || body.kind === "update" ? `request ${"sequence" in body.identity ? body.identity.sequence : ""}` : body.kind;
  return `${entry.index}:${epochText(entry.epoch)} ${what}`;
}

function bodyText(message: Message): string {
  switch (message.kind) {
    case "append": {
      const entries = message.entries.length === 0 ? "nothing" : message.entries.map(entryText).join(", ");
      const active = message.active ? `, commit ${message.commitIndex}` : ", not active";
      return `append ${epochText(message.epoch)} after ${message.prevIndex} (${epochText(message.prevEpoch)}): ${entries}${active}`;
    }
    case "append-ack":
      return `append-ack ${epochText(message.epoch)} through ${message.index}`;
    case "append-refused":
      return `append-refused ${epochText(message.epoch)} at ${message.prevIndex}, look at ${message.lastIndex}`;
    case "confirm":
    case "confirmed":
      return `${message.kind} ${epochText(message.epoch)} round ${message.round}`;
    case "lead":
    case "activate":
      return `${message.kind} ${epochText(message.view.epoch)} of ${message.view.members.map((member) => member.replica).join(", ")}`;
    default:
      return "epoch" in message ? `${message.kind} ${epochText(message.epoch)}` : message.kind;
  }
}

export function messageText(envelope: Envelope): string {
  const from = envelope.from === 0 ? `RM ${envelope.rm + 1}` : `r${replicaOfLife(envelope.from)}`;
  return `${bodyText(envelope.message)} from ${from}`;
}
