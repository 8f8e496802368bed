import { describe, expect, test } from "vitest";
import bank from "../../examples/bank/bank.js";
import { defineService } from "../service/define-service.js";
import { TrialFailure, trialOf } from "./service-trial.js";

describe("a service on trial", () => {
  test("answers as it would in a group", async () => {
    const { operations, queries } = trialOf(bank);
    await operations.open({ account: "ada", balance: 10 });
    await operations.open({ account: "bob", balance: 0 });
    await operations.transfer({ from: "ada", to: "bob", amount: 4 });
    expect(await queries.balance("bob")).toBe(4);
    await expect(operations.transfer({ from: "ada", to: "bob", amount: 40 })).rejects.toThrow("ada");
    expect(await queries.total()).toBe(10);
  });

  test("a handler that depends on what no replica shares is found out", async () => {
    let hidden = 0;
    const drifting = defineService({
      name: "drifting",
      state: () => ({ value: 0 }),
      operations: {
        draw: (state) => {
          hidden += 1;
          state.value = hidden;
        },
      },
      queries: {},
    });
    await expect(trialOf(drifting).operations.draw()).rejects.toThrow(TrialFailure);
  });

  test("S9: clock and chance are the log's in style active, and the machine's on a primary: neither is held against the handler", async () => {
    const dice = defineService({
      name: "dice",
      state: () => ({ last: 0, at: new Date(0) }),
      operations: {
        roll(state) {
          state.last = Math.random();
          state.at = new Date();
          return state.last;
        },
      },
      queries: { last: (state) => state.last },
    });
    const { operations, queries } = trialOf(dice);
    for (let roll = 0; roll < 3; roll += 1) expect(await operations.roll()).toBe(await queries.last());
  });

  test("S9: answers that differ are found out, where the states do not", async () => {
    let hidden = 0;
    const counting = defineService({
      name: "counting",
      state: () => ({}),
      operations: {
        next: () => {
          hidden += 1;
          return hidden;
        },
      },
      queries: {},
    });
    await expect(trialOf(counting).operations.next()).rejects.toThrow("do not give the same answer");
  });

  test("a broken invariant is named", async () => {
    const sinking = defineService({
      name: "sinking",
      state: () => ({ value: 0 }),
      operations: {
        sink: (state) => {
          state.value -= 1;
        },
      },
      queries: {},
      invariants: { "never below zero": (state) => state.value >= 0 },
    });
    await expect(trialOf(sinking).operations.sink()).rejects.toThrow("never below zero");
  });

  test("a clock that is no time is refused", () => {
    expect(() => trialOf(bank, { startMs: Number.NaN })).toThrow("startMs has to be a number of milliseconds, not NaN");
    expect(() => trialOf(bank, { stepMs: Number.POSITIVE_INFINITY })).toThrow("stepMs has to be a number");
  });
});
