import { expectTypeOf, it } from "vitest";
import { defineService } from "../service/index.js";
import type { Client } from "./typed-client.js";

const service = defineService({
  name: "shapes",
  state: () => ({ n: 0 }),
  operations: {
    add: (state, by: number) => {
      state.n += by;
      return state.n;
    },
    clear: (state) => {
      state.n = 0;
    },
    step: (state, by?: number) => state.n + (by ?? 1),
    either: (state, input: { readonly by: number } | { readonly word: string }) => ("by" in input ? state.n : input.word),
    later: async (state, by: number) => state.n + by,
    known: (state, _name: string, context) => `${state.n} ${context.uuid()}`,
  },
  queries: { get: (state) => state.n, find: (state, name: string): number | null => (name === "" ? null : state.n) },
});

/** The compiler looks at this; nobody calls it. */
async function calls(client: Client<typeof service>): Promise<void> {
  await client.step();
  await client.either({ by: 1 });
  await client.either({ word: "x" });
  await client.add.with({ timeoutMs: 5 })(1);
  await client.get.with({ consistency: "any", timeoutMs: 5 })();
  // @ts-expect-error an input is missing
  await client.add();
  // @ts-expect-error an input of another type
  await client.add("1");
  // @ts-expect-error there is no input
  await client.clear(1);
  // @ts-expect-error neither of both
  await client.either({});
  // @ts-expect-error the context is not the caller's
  await client.known("x", {});
  // @ts-expect-error no such operation
  await client.nothing();
  // @ts-expect-error no such consistency
  await client.get.with({ consistency: "strong" })();
  // @ts-expect-error an operation has no consistency
  await client.add.with({ consistency: "any" })(1);
}

it("a method takes the handler's input and promises its result", () => {
  type Of = Client<typeof service>;
  expectTypeOf<ReturnType<Of["add"]>>().toEqualTypeOf<Promise<number>>();
  expectTypeOf<ReturnType<Of["clear"]>>().toEqualTypeOf<Promise<void>>();
  expectTypeOf<ReturnType<Of["either"]>>().toEqualTypeOf<Promise<number | string>>();
  expectTypeOf<ReturnType<Of["later"]>>().toEqualTypeOf<Promise<number>>();
  expectTypeOf<ReturnType<Of["find"]>>().toEqualTypeOf<Promise<number | null>>();
  expectTypeOf<Parameters<Of["step"]>>().toEqualTypeOf<[input?: number | undefined]>();
  expectTypeOf(calls).returns.resolves.toBeVoid();
});
