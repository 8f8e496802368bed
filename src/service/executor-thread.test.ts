import { describe, expect, it } from "vitest";
import counter from "../../examples/counter/counter.js";
import { encodeValue } from "../codec/value.js";
import type { ExecutionCommand, ExecutionCompletion } from "../vocabulary/execution.js";
import { defineService } from "./define-service.js";
import { createExecutor } from "./executor.js";
import { serviceMachine } from "./service-machine.js";

describe("S6i: what is executed is told before its handler runs", () => {
  const told: (string | null)[] = [];
  const service = defineService({
    name: "teller",
    state: () => ({ seen: "" }),
    operations: {
      // What was told by then.
      look: (state) => {
        state.seen = String(told.at(-1));
        return state.seen;
      },
      wait: async () => "waited",
    },
    queries: { get: (state) => state.seen },
  });
  const command = (ticket: number, operation: string): ExecutionCommand => ({
    kind: "execute",
    ticket,
    requestKey: `key-${ticket}`,
    operation,
    input: encodeValue(undefined),
    nowMs: 1,
    seed: 1,
    settled: false,
    limitMs: 0,
  });

  it("and taken back when none runs any more", async () => {
    told.length = 0;
    const completions: ExecutionCompletion[] = [];
    const executor = createExecutor(serviceMachine(service), {
      onCompletion: (completion) => void completions.push(completion),
      onExecuting: (requestKey) => void told.push(requestKey),
    });
    executor.submit(command(1, "look"));
    expect(told).toEqual(["key-1", null]);
    executor.submit(command(2, "wait"));
    expect(told.at(-1)).toBe("key-2");
    await new Promise((resolve) => setImmediate(resolve));
    expect(completions).toHaveLength(2);
    expect(told).toEqual(["key-1", null, "key-2", null]);
    executor.submit({ kind: "query", ticket: 3, query: "get", input: encodeValue(undefined), nowMs: 1 });
    expect(completions.at(-1)).toMatchObject({ kind: "query-answered" });
    expect(told).toHaveLength(4);
  });
});

describe("a busy service lets the thread go", () => {
  const add = (ticket: number, value: number): ExecutionCommand => ({
    kind: "execute",
    ticket,
    requestKey: `key-${ticket}`,
    operation: "add",
    input: encodeValue(value),
    nowMs: 1,
    seed: 1,
    settled: true,
    limitMs: 0,
  });

  it("when its time is up, and goes on in order when it is told to", () => {
    const done: number[] = [];
    let isTimeUp = false;
    let yields = 0;
    const executor = createExecutor(serviceMachine(counter), {
      onCompletion: ({ ticket }) => void done.push(ticket),
      isTimeUp: () => isTimeUp,
      onYield: () => {
        yields += 1;
      },
    });
    executor.submit(add(1, 1));
    isTimeUp = true;
    for (const ticket of [2, 3, 4]) executor.submit(add(ticket, 1));
    expect([done, yields, executor.idle()]).toEqual([[1, 2], 1, false]);
    executor.resume();
    expect([done, yields]).toEqual([[1, 2, 3], 2]);
    isTimeUp = false;
    executor.resume();
    expect([done, yields, executor.idle()]).toEqual([[1, 2, 3, 4], 2, true]);
  });

  it("and finishes queries that still wait before its state is captured", () => {
    const done: number[] = [];
    const executor = createExecutor(serviceMachine(counter), {
      onCompletion: ({ ticket }) => void done.push(ticket),
      isTimeUp: () => true,
    });
    executor.submit(add(1, 1));
    executor.submit({ kind: "query", ticket: 2, query: "get", input: encodeValue(undefined), nowMs: 1 });
    expect(done).toEqual([1]);
    executor.capture().close();
    expect(done).toEqual([1, 2]);
  });
});
