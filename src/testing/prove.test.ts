import { expect, test } from "vitest";
import counter from "../../examples/counter/counter.js";
import { defineService } from "../service/define-service.js";
import { prove } from "./prove.js";
import { TrialFailure } from "./service-trial.js";

test("a service that keeps the rules is proven, and told so", { timeout: 240_000 }, async () => {
  expect(await prove(counter, { seeds: 1, styles: ["active"] })).toContain("Everything held.");
});

test.each([
  { seeds: 0 },
  { seeds: Number.NaN },
  { seeds: 1.5 },
  { seeds: Number.POSITIVE_INFINITY },
  { firstSeed: 2 ** 53 },
  { firstSeed: -1 },
])("%o is no number of runs", async (options) => {
  const said = `${Object.keys(options)[0]} has to be a whole number from`;
  await expect(prove(counter, { styles: ["active"], ...options })).rejects.toThrow(said);
});

test("one that does not is a failure that says what it is", { timeout: 240_000 }, async () => {
  const newService = () => {
    const random = Math.random;
    return defineService({
      name: "dice",
      state: () => ({ last: 0 }),
      operations: {
        roll: (state) => {
          state.last = random();
        },
      },
      queries: {},
    });
  };
  const failing = prove(newService, { seeds: 1, styles: ["active"] });
  await expect(failing).rejects.toThrow(TrialFailure);
  await expect(failing).rejects.toThrow(/After roll \(operation 1 of the run\) the state of/);
});
