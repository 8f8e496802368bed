import { defineService } from "troupe";

/** The smallest service: one number. */
export default defineService({
  name: "counter",
  state: () => ({ value: 0 }),
  operations: {
    /** Adds `by` and returns the new value. */
    add(state, by: number) {
      state.value += by;
      return state.value;
    },
  },
  queries: {
    get: (state) => state.value,
  },
  // For `troupe simulate counter`.
  examples: { add: [1, 2, -1] },
  invariants: { "the value is a whole number": (state) => Number.isInteger(state.value) },
});
