import { expect, test } from "vitest";
import { encodeValue } from "../codec/value.js";
import { defineService } from "./define-service.js";
import { serviceMachine } from "./service-machine.js";

interface State {
  waiting: { n: number }[];
  done: { n: number }[];
  byNumber: Map<number, { n: number }>;
  named: Record<string, { n: number }>;
}

const CHANGES: readonly ((state: State, n: number) => void)[] = [
  (state) => state.done.push(...state.waiting.splice(0, 1)),
  (state, n) => void state.waiting.push({ n }),
  (state) => state.byNumber.clear(),
  (state, n) => void state.byNumber.set(n, { n }),
  (state) => state.byNumber.delete(state.byNumber.keys().next().value ?? -1),
  (state, n) => Object.assign(state.named, { [`k${n}`]: { n } }),
  (state) => Reflect.deleteProperty(state.named, Object.keys(state.named)[0] ?? ""),
  (state) => state.waiting.reverse(),
];

/** Goes down until the stack is exhausted, catches that at each level on the way up, and changes the state there until it has succeeded. */
const digging = defineService({
  name: "digging",
  state: (): State => ({ waiting: [], done: [], byNumber: new Map(), named: {} }),
  operations: {
    fill(state) {
      for (let n = 0; n < 70; n += 1) for (const change of CHANGES.filter((_, at) => at % 2 === 1 && at < 7)) change(state, n);
    },
    dig(state, { change, padding }: { change: number; padding: number }) {
      let left = 3;
      const down = (): void => {
        try {
          down();
        } catch {}
        if (left === 0) return;
        try {
          CHANGES[change]?.(state, 100 + left);
          left -= 1;
        } catch {}
      };
      const padded = (frames: number): void => (frames === 0 ? down() : padded(frames - 1));
      padded(padding);
    },
  },
  queries: {},
});

const call = (ticket: number, operation: string, input: unknown) => ({
  ...{ ticket, requestKey: `s:1.1.a:${ticket}`, operation, input: encodeValue(input), nowMs: 0, seed: 1, settled: false },
});

const CASES = CHANGES.flatMap((_, change) => Array.from({ length: 12 }, (_, padding) => ({ change, padding })));

test("S8: a change that an exhausted stack cuts short is in no state, though the handler goes on: the operation is refused and taken back", async () => {
  let refused = 0;
  for (const input of CASES) {
    const [primary, backup] = [serviceMachine(digging), serviceMachine(digging)];
    const filled = await primary.execute(call(1, "fill", null));
    backup.applyUpdate(filled.redo);
    const before = primary.digest();
    const { reply, redo } = await primary.execute(call(2, "dig", input));
    if (reply.refused) refused += 1;
    backup.applyUpdate(redo);
    expect([input, backup.digest()]).toEqual([input, primary.digest()]);
    if (reply.refused) expect([input, primary.digest()]).toEqual([input, before]);
    primary.undoUnreleased();
    expect([input, primary.digest()]).toEqual([input, serviceMachine(digging).digest()]);
  }
  // Otherwise none was cut short, and nothing was tried.
  expect(refused).toBeGreaterThan(0);
});
