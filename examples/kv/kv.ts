import { defineService } from "troupe";

interface State {
  /** A Map rather than an object: any text may be a key, `__proto__` too. */
  values: Map<string, string>;
}

const KEYS = ["a", "b", "c"];
const VALUES = ["x", "y"];

/** Text values by key, with the conditional write on which locks and registers are built. */
export default defineService({
  name: "kv",
  state: (): State => ({ values: new Map() }),
  operations: {
    put(state, { key, value }: { key: string; value: string }) {
      state.values.set(key, value);
    },

    /** Appends to the value (an absent one counts as empty), and returns the new value. */
    append(state, { key, value }: { key: string; value: string }) {
      const appended = (state.values.get(key) ?? "") + value;
      state.values.set(key, appended);
      return appended;
    },

    /** Sets the value if it is `expected` (`null`: if it is absent). Returns whether it did. */
    compareAndSet(state, { key, expected, value }: { key: string; expected: string | null; value: string }) {
      if ((state.values.get(key) ?? null) !== expected) return false;
      state.values.set(key, value);
      return true;
    },

    remove(state, key: string) {
      state.values.delete(key);
    },
  },
  queries: {
    /** The value, or null. */
    get: (state, key: string) => state.values.get(key) ?? null,
  },
  // For `troupe simulate kv`.
  examples: {
    put: (draw) => ({ key: draw.pick(KEYS), value: draw.pick(VALUES) }),
    append: (draw) => ({ key: draw.pick(KEYS), value: draw.pick(VALUES) }),
    compareAndSet: (draw) => ({ key: draw.pick(KEYS), expected: draw.pick([null, ...VALUES]), value: draw.pick(VALUES) }),
    remove: KEYS,
    get: KEYS,
  },
  invariants: { "every value is text": (state) => [...state.values.values()].every((value) => typeof value === "string") },
});
