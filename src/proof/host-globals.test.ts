import { expect, test } from "vitest";
import { createChance } from "../sim/chance.js";
import { type HostSource, layHostGlobals, onHost } from "./host-globals.js";

test("a class that a service derives from Date is made as itself, and sees the simulated host's clock", () => {
  const host: HostSource = {
    wallMs: () => 5_000,
    monotonicMs: () => 1,
    chance: createChance(1, "host"),
    reach: (what) => {
      throw new Error(what);
    },
  };
  const takeOff = layHostGlobals();
  try {
    class Day extends Date {
      seconds() {
        return this.getTime() / 1_000;
      }
    }
    expect(onHost(host, () => [new Day().seconds(), new Day(7_000).seconds(), Date.now()])).toEqual([5, 7, 5_000]);
  } finally {
    takeOff();
  }
});
