import { encodeEntry } from "../../src/codec/entry.js";
import { encodeFrame } from "../../src/codec/message.js";
import { encodeValue } from "../../src/codec/value.js";
import { groupName, sessionId } from "../../src/vocabulary/ids.js";
import type { Message } from "../../src/vocabulary/message.js";
import type { RequestIdentity } from "../../src/vocabulary/session.js";
import type { MessageSizes } from "./relay.js";

const EPOCH = [3, 14] as const;

/** What one request costs on the wire: itself, its entry, an acknowledgement, its reply. Heads of appends are shared by many, and left out. */
export function messageSizesOf(group: string, operation: string, input: unknown, result: unknown): MessageSizes {
  const name = groupName(group);
  const identity: RequestIdentity = {
    kind: "session",
    session: sessionId(1, 12, "0123456789abcdef01234567"),
    resumption: 0,
    sequence: 100_000,
    floor: 99_990,
  };
  const encoded = encodeValue(input);
  const sizeOf = (message: Message): number => encodeFrame(message, name).reduce((sum, chunk) => sum + chunk.length, 0);
  return {
    requestBytes: sizeOf({ kind: "request", ticket: 100_000, identity, operation, input: encoded }),
    entryBytes: encodeEntry(name, {
      index: 100_000,
      epoch: EPOCH,
      ageMs: 100_000,
      body: { kind: "request", identity, digest: 0xffff_ffff, operation, input: encoded, nowMs: 1_700_000_000_000, seed: 0xffff_ffff },
    }).length,
    ackBytes: sizeOf({ kind: "append-ack", epoch: EPOCH, index: 100_000 }),
    replyBytes: sizeOf({
      kind: "reply",
      ticket: 100_000,
      index: 100_000,
      epoch: EPOCH,
      reply: { refused: false, bytes: encodeValue(result) },
    }),
  };
}
