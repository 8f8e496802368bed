import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { defineService } from "../../service/define-service.js";
import { StateRefusal } from "../../service/journal/refusal.js";
import { serviceMachine } from "../../service/service-machine.js";
import { noteLateUses } from "./late-use.js";

function watched() {
  const [notes, ends]: [string[], string[]] = [[], []];
  const uncaught = new EventEmitter();
  noteLateUses(
    uncaught,
    (text) => void notes.push(text),
    (reason) => void ends.push(reason),
  );
  return { notes, ends, emit: (error: unknown) => uncaught.emit("uncaughtException", error) };
}

test("a timer that a handler leaves behind ends no replica: its use of the state is refused, and noted", async () => {
  const { notes, ends, emit } = watched();
  const late: (() => void)[] = [];
  const service = defineService({
    name: "late",
    state: () => ({ n: 0 }),
    operations: { leave: (state) => void late.push(() => (state.n += 1)) },
    queries: {},
  });
  const machine = serviceMachine(service);
  const before = machine.digest();
  const call = { ticket: 1, requestKey: "k:1", operation: "leave", input: new Uint8Array(0), nowMs: 0, seed: 0 };
  await machine.execute({ ...call, settled: true });
  for (const use of late) {
    try {
      use();
    } catch (error) {
      emit(error);
    }
  }
  expect(ends).toEqual([]);
  expect(notes.length).toBe(1);
  expect(notes[0]).toContain("was handed to an operation that has ended");
  expect(machine.digest()).toBe(before);
});

test("S5e: anything else that nobody caught ends the process", () => {
  const { notes, ends, emit } = watched();
  emit(new Error("own"));
  emit(new StateRefusal("state-alias", "state.x", "twice"));
  emit("text");
  expect(notes).toEqual([]);
  expect(ends.map((reason) => reason.split("\n")[0])).toEqual([
    "nobody caught: Error: own",
    "nobody caught: StateRefusal: state.x: twice",
    "nobody caught: text",
  ]);
});
