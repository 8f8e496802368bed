import { decodeValue, encodeValue } from "../codec/value.js";
import type { ExecutionCommand, ExecutionCompletion } from "../vocabulary/execution.js";
import { type AnyService, defineService } from "./define-service.js";
import { createExecutor, type Executor } from "./executor.js";
import { serviceMachine } from "./service-machine.js";

export interface Rig {
  readonly executor: Executor;
  readonly completions: ExecutionCompletion[];
  readonly notes: string[];
  execute(operation: string, input: unknown, options?: Partial<Extract<ExecutionCommand, { kind: "execute" }>>): number;
  query(query: string, input?: unknown): void;
  /** Result or error of the completion with this ticket. */
  answer(ticket: number): unknown;
  redo(ticket: number): Uint8Array;
}

export function rig(service: AnyService): Rig {
  const completions: ExecutionCompletion[] = [];
  const notes: string[] = [];
  let ticket = 0;
  const executor = createExecutor(serviceMachine(service), {
    onCompletion: (completion) => void completions.push(completion),
    onNote: (text) => void notes.push(text),
  });
  const find = (wanted: number): ExecutionCompletion => {
    const found = completions.find((completion) => completion.ticket === wanted);
    if (found === undefined) throw new Error(`ticket ${wanted} is not complete`);
    return found;
  };
  return {
    executor,
    completions,
    notes,
    execute(operation, input, options) {
      ticket += 1;
      executor.submit({
        kind: "execute",
        ticket,
        requestKey: `s:1.1.a:${ticket}`,
        operation,
        input: encodeValue(input),
        nowMs: 1_000,
        seed: 7,
        settled: false,
        limitMs: 0,
        ...options,
      });
      return ticket;
    },
    query(query, input) {
      ticket += 1;
      executor.submit({ kind: "query", ticket, query, input: encodeValue(input), nowMs: 1_000 });
    },
    answer(wanted) {
      const completion = find(wanted);
      if (completion.kind === "update-applied") throw new Error("no answer");
      return decodeValue(completion.reply.bytes);
    },
    redo(wanted) {
      const completion = find(wanted);
      return completion.kind === "executed" ? completion.redo : new Uint8Array(0);
    },
  };
}

/** A service whose asynchronous operations wait until they are let go. */
export function gated() {
  const gates: { open(): void; fail(error: Error): void }[] = [];
  let late: { list: number[] } | null = null;
  const service = defineService({
    name: "gated",
    state: () => ({ list: [] as number[] }),
    operations: {
      push: (state, n: number) => state.list.push(n),
      slow: async (state, n: number) => {
        late = state;
        state.list.push(n);
        await new Promise<void>((resolve, reject) => gates.push({ open: resolve, fail: reject }));
        state.list.push(-n);
        return n;
      },
    },
    queries: { list: (state) => state.list },
  });
  return { service, gates, lateHandle: () => late };
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
