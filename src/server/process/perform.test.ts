import { expect, test } from "vitest";
import type { ReplicaEffect } from "../core/effect.js";
import { BUFFERED_BYTES_MAX } from "../../runtime/connection.js";
import { canWait, inMeasure, isForExecutor } from "./perform.js";

const MEMBERS = { kind: "members", view: null, book: { version: [0, 0], entries: [] }, serving: false } as const;
const ANSWER = { kind: "redirect", ticket: 1 } as const;
const EFFECTS: readonly ReplicaEffect[] = [
  { kind: "note", level: "info", text: "told" },
  { kind: "send", connection: 1, message: MEMBERS },
  { kind: "execution", command: { kind: "release", throughTicket: 1 } },
  { kind: "unload-state" },
  { kind: "load-state", ticket: 1 },
  { kind: "send", connection: 1, message: ANSWER },
  { kind: "persist", ticket: 1, truncateAfter: null, entries: [] },
  { kind: "end-process", reason: "over", discard: false },
];

test("what goes to the disk and to others waits for nothing; what the executor does keeps its order; people are told last", () => {
  expect(EFFECTS.filter((effect) => !canWait(effect) && !isForExecutor(effect)).map(({ kind }) => kind)).toEqual(["send", "persist"]);
  expect(EFFECTS.filter(isForExecutor).map(({ kind }) => kind)).toEqual(["execution", "unload-state", "load-state"]);
  expect(EFFECTS.filter(canWait).map(({ kind }) => kind)).toEqual(["note", "send", "end-process"]);
});

test("a client that has much to read yet is asked to ask again, before more answers than it can take cut it off", () => {
  const reply = {
    kind: "reply",
    ticket: 7,
    index: 1,
    epoch: [1, 1],
    reply: { refused: false, bytes: new Uint8Array(1024 * 1024) },
  } as const;
  let bufferedBytes = 0;
  const sent = Array.from({ length: 200 }, () => {
    const message = inMeasure(reply, bufferedBytes);
    bufferedBytes += message.kind === "reply" ? message.reply.bytes.length : 32;
    return message.kind;
  });
  expect(bufferedBytes).toBeLessThan(BUFFERED_BYTES_MAX);
  expect([sent.at(0), sent.at(20), sent.at(-1)]).toEqual(["reply", "reply", "redirect"]);
  expect(inMeasure(reply, BUFFERED_BYTES_MAX)).toEqual({ kind: "redirect", ticket: 7 });
  // Whatever its size, one answer alone leaves.
  expect(inMeasure({ ...reply, reply: { refused: false, bytes: new Uint8Array(BUFFERED_BYTES_MAX) } }, 0).kind).toBe("reply");
  expect(inMeasure(MEMBERS, BUFFERED_BYTES_MAX)).toBe(MEMBERS);
});
