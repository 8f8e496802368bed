import { randomInt } from "node:crypto";
import { defineService } from "troupe";

// A service that breaks the rules: each replica throws dice of its own, and one handler calls out into the world.
export default defineService({
  name: "dice",
  state: () => ({ last: 0 }),
  operations: {
    roll: (state) => {
      state.last = randomInt(1, 1_000_000);
      return state.last;
    },
    ask: (state) =>
      fetch("http://127.0.0.1:9/").then((response) => {
        state.last = response.status;
      }),
  },
  queries: {},
});
