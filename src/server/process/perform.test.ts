import { expect, test } from "vitest";
import type { ReplicaEffect } from "../core/effect.js";
import { canWait, isForExecutor } from "./perform.js";

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
