import { defineService } from "troupe";

/** A large state of the ordinary kind, that can be made large with few requests. */
export default defineService({
  name: "ballast",
  state: () => ({ entries: new Map<string, string>() }),
  operations: {
    fill(state, { from, count, sizeBytes }: { from: number; count: number; sizeBytes: number }) {
      for (let number = from; number < from + count; number += 1) state.entries.set(`key-${number}`, entryValue(number, sizeBytes));
      return state.entries.size;
    },
    put(state, { number, sizeBytes }: { number: number; sizeBytes: number }) {
      state.entries.set(`key-${number}`, entryValue(number + 1, sizeBytes));
      return null;
    },
  },
  queries: { size: (state) => state.entries.size },
});

function entryValue(number: number, sizeBytes: number): string {
  return String(number).padStart(sizeBytes, "v");
}
