import { encodeEntry } from "../codec/entry.js";
import { decodeMessage, encodeMessageWhole } from "../codec/message.js";
import type { GroupName } from "../vocabulary/ids.js";
import type { Message } from "../vocabulary/message.js";
import type { Chance } from "./chance.js";
import { shortText } from "./driver.js";
import { violate, type World } from "./world.js";

/** In place of a message of which only bytes arrive that say nothing. */
export const UNREADABLE = "unreadable";

/** One bit of an entry is turned over on its way, in one of the next appends that bring any. */
export interface Damage {
  appendsLeft: number;
  readonly chance: Chance;
}

const APPENDS_AHEAD_MAX = 10;

export function drawDamage(chance: Chance): Damage {
  return { appendsLeft: chance.integer(0, APPENDS_AHEAD_MAX), chance };
}

type Append = Extract<Message, { kind: "append" }>;

export function bringsEntries(message: Message): message is Append {
  return message.kind === "append" && message.entries.length > 0;
}

/** Through the real codec: what arrives is what the bytes say. */
export function recoded(world: World, from: string, message: Message, group: GroupName | null): Message {
  const decoded = decodeMessage(encodeMessageWhole(message, group), group);
  if (decoded.ok) return decoded.message;
  violate(world, "codec", `${from} sent a ${message.kind} that cannot be read: ${decoded.reason}: ${shortText(message)}`);
  return message;
}

/** L5: that a bit of an entry is not what it was is found out where it is read. */
export function damaged(
  world: World,
  { chance }: Damage,
  message: Append,
  group: GroupName,
  decode = decodeMessage,
): Message | typeof UNREADABLE {
  // What the encoder gives out may not be changed.
  const bytes = encodeMessageWhole(message, group).slice();
  const where = turnBitOfEntry(chance, bytes, message, group);
  const decoded = decode(bytes, group);
  if (!decoded.ok) return UNREADABLE;
  violate(world, "L5", `an append is taken that is damaged in ${where}: ${shortText(message)}`);
  return decoded.message;
}

/** The entries are the last of an append, one behind the other, each as it is encoded by itself. */
function turnBitOfEntry(chance: Chance, bytes: Uint8Array, { entries }: Append, group: GroupName): string {
  const sizes = entries.map((entry) => encodeEntry(group, entry).length);
  const at = chance.integer(0, sizes.length - 1);
  const sizeBytes = sizes[at] ?? 0;
  const beginBytes = bytes.length - sizes.slice(at).reduce((sum, size) => sum + size, 0);
  const bit = chance.integer(0, sizeBytes * 8 - 1);
  const offsetBytes = beginBytes + Math.floor(bit / 8);
  bytes[offsetBytes] = (bytes[offsetBytes] ?? 0) ^ (1 << (bit % 8));
  return `bit ${bit} of entry ${entries[at]?.index ?? 0}`;
}
