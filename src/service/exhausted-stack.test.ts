import { expect, test } from "vitest";
import { decodeValue, encodeValue } from "../codec/value.js";
import { defineService } from "./define-service.js";
import { serviceMachine } from "./service-machine.js";

/** Runs `change` and has the stack run out where it is recorded for the backups: where that happens in earnest is for the compiler to say. */
function cutShort(change: () => void): void {
  const real = Array.prototype.push;
  const cutting = function (this: unknown[], ...given: unknown[]): number {
    const [record] = given;
    if (Array.isArray(record) && typeof record[0] === "number") throw new RangeError("Maximum call stack size exceeded");
    return Reflect.apply(real, this, given);
  };
  Reflect.set(Array.prototype, "push", cutting);
  try {
    change();
  } catch {
    // As a handler does that goes on.
  } finally {
    Reflect.set(Array.prototype, "push", real);
  }
}

type Change = "put" | "remove" | "clear" | "splice" | "permute";

const digging = defineService({
  name: "digging",
  state: () => ({ list: [1, 2], map: new Map([["a", { n: 1 }]]), after: 0 }),
  operations: {
    dig(state, change: Change) {
      cutShort(() => {
        if (change === "put") state.map.set("b", { n: 2 });
        else if (change === "remove") state.map.delete("a");
        else if (change === "clear") state.map.clear();
        else if (change === "splice") state.list.splice(0, 1, 7);
        else state.list.reverse();
      });
    },
    digAndGoOn(state, change: Change) {
      digging.operations.dig(state, change);
      state.after = 1;
    },
  },
  queries: {},
});

const call = (operation: string, input: Change) => ({
  ...{ ticket: 1, requestKey: "s:1.1.a:1", operation, input: encodeValue(input), nowMs: 0, seed: 1 },
});

test.each<[Change]>([["put"], ["remove"], ["clear"], ["splice"], ["permute"]])(
  "S8: a change that the exhausted stack cuts short is in no state, though the handler goes on: the operation is refused (%s)",
  async (change) => {
    for (const operation of ["dig", "digAndGoOn"]) {
      const machine = serviceMachine(digging);
      const before = machine.digest();
      const { reply, redo } = await machine.execute({ ...call(operation, change), settled: false });
      expect(decodeValue(reply.bytes)).toMatchObject({ message: expect.stringContaining("in the middle of a change") });
      expect([reply.refused, redo.length, machine.digest()]).toEqual([true, 0, before]);
    }
  },
);
