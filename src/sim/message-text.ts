import type { Entry } from "../vocabulary/entry.js";
import { epochText } from "../vocabulary/epoch.js";
import type { Message } from "../vocabulary/message.js";
import type { RequestIdentity } from "../vocabulary/session.js";
import type { View } from "../vocabulary/view.js";

/** A message in a line that a person reads: what it says of epochs, indexes and requests. Null: of no interest to the story of a run. */
export function messageText(message: Message): string | null {
  switch (message.kind) {
    case "append":
      return `${epochText(message.epoch)}: ${entriesText(message.entries)} after ${epochText(message.prevEpoch)}/${message.prevIndex}, committed ${message.commitIndex}${message.active ? "" : ", not active"}`;
    case "append-ack":
      return `${epochText(message.epoch)}: has through ${message.index}`;
    case "append-refused":
      return `${epochText(message.epoch)}: has promised ${epochText(message.promise)}; look before ${message.prevIndex}, at ${message.lastIndex}`;
    case "confirm":
    case "confirmed":
      return `${epochText(message.epoch)}: read round ${message.round}`;
    case "snapshot-slice":
      return `${epochText(message.epoch)}: snapshot at ${message.snapshotIndex}, bytes from ${message.offsetBytes} of ${message.sizeBytes}`;
    case "snapshot-ack":
      return `${epochText(message.epoch)}: snapshot at ${message.snapshotIndex}, ${message.installed ? "installed" : `${message.offsetBytes} bytes`}`;
    case "seal":
      return `${epochText(message.epoch)}, after ${message.base === null ? "no view" : epochText(message.base.epoch)}`;
    case "sealed":
      return `${epochText(message.epoch)}: log ends at ${epochText(message.lastEpoch)}/${message.lastIndex}, committed ${message.commitIndex}`;
    case "seal-refused":
      return `${epochText(message.epoch)}: ${message.reason}`;
    case "lead":
    case "activate":
      return viewText(message.view);
    case "led":
      return `${epochText(message.epoch)}: start entry ${message.startIndex} is on a quorum`;
    case "activated":
      return epochText(message.epoch);
    case "lead-failed":
    case "activate-refused":
    case "hand-over-failed":
      return `${epochText(message.epoch)}: ${message.reason}`;
    case "hand-over":
      return `${epochText(message.epoch)}: to ${message.target}`;
    case "hand-over-ready":
      return `${epochText(message.epoch)}: at ${message.index}`;
    case "request":
      return `${requestText(message.identity)}: ${message.operation}`;
    case "query":
      return `ticket ${message.ticket}: ${message.query}, ${message.consistency}`;
    case "reply":
      return `ticket ${message.ticket}: ${message.reply.refused ? "refused, " : ""}at ${epochText(message.epoch)}/${message.index}`;
    case "request-failed":
      return `ticket ${message.ticket}: ${message.code}`;
    case "redirect":
      return `ticket ${message.ticket}`;
    default:
      return null;
  }
}

function entriesText(entries: readonly Entry[]): string {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return "nothing";
  const kinds = [...new Set(entries.map((entry) => entry.body.kind))].join(", ");
  return `${kinds} ${epochText(first.epoch)}/${first.index}${first === last ? "" : ` to ${epochText(last.epoch)}/${last.index}`}`;
}

function viewText(view: View): string {
  return `${epochText(view.epoch)}: ${view.style}, ${view.leader} leads ${view.members.map((member) => member.replica).join(", ")}, quorum ${view.quorum}`;
}

function requestText(identity: RequestIdentity): string {
  return identity.kind === "key" ? `key ${identity.key}` : `number ${identity.sequence} of ${identity.session.slice(0, 12)}`;
}
