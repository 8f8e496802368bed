import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

test("a large transfer is told of, a quarter at a time, and a small one is not", () => {
  const world = w.servingWorld();
  const leader = w.server(world, 1);
  leader.withinBound = false;
  w.die(world, w.server(world, 3));
  w.runUntil(world, () => leader.learners.length > 0);
  const said = (transferredBytes: number, transferSizeBytes: number): string[] => {
    const texts = (): string[] => world.said.filter(({ kind }) => kind === "transfer").map(({ text }) => text);
    const before = texts().length;
    leader.transfer = { transferredBytes, transferSizeBytes };
    w.report(world, leader);
    return texts().slice(before);
  };
  expect(said(0, 1_000)).toEqual([]);
  expect(said(0, 1e9)).toEqual([expect.stringContaining("0 % of the group's state of 1000000000 bytes")]);
  expect(said(1e8, 1e9)).toEqual([]);
  expect(said(6e8, 1e9)).toEqual([expect.stringContaining("50 %")]);
  expect(said(1e9, 1e9)).toEqual([expect.stringContaining("100 %")]);
  leader.lastIndex += 1;
  expect(said(0, 1e9)).toEqual([expect.stringContaining("0 %")]);
});
