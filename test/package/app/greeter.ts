import { defineService, refuse } from "troupe";

// A service as a user writes it: state that is no bare number, a refusal, a query.
export default defineService({
  name: "greeter",
  state: () => ({ greetings: new Map<string, number>() }),
  operations: {
    greet: (state, name: string) => {
      if (name === "") refuse("nameless", "nobody to greet", { given: name });
      const count = (state.greetings.get(name) ?? 0) + 1;
      state.greetings.set(name, count);
      return { text: `Hello, ${name}!`, count };
    },
  },
  queries: {
    count: (state, name: string) => state.greetings.get(name) ?? 0,
  },
  examples: { greet: ["ada", "bob", ""], count: ["ada"] },
  invariants: { "whoever was greeted was greeted once at least": (state) => [...state.greetings.values()].every((count) => count >= 1) },
});
