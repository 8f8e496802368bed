import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

test("how a process ended is an event of its own when it is heard of after its successor was ordered", () => {
  const world = w.servingWorld();
  const dead = w.server(world, 3);
  w.die(world, dead, "its process has ended");
  w.runUntil(world, () => w.saidKinds(world).includes("relaunched"));
  expect(world.said.find(({ kind }) => kind === "relaunched")?.text).toContain("its last process: its process has ended");
  const before = world.said.length;
  dead.reason = "exit code 70; its log ends: ENOSPC";
  w.fault(world, dead, 0);
  expect(world.said.slice(before)).toMatchObject([
    { kind: "ended", replica: "bank-3", text: expect.stringContaining("exit code 70; its log ends: ENOSPC") },
  ]);
  expect(world.rm.sights.get(dead.replica)?.verdict).toBe("alive");
});

test("what is said of a process that was never known to be gone, or does not say that it is, is no end", () => {
  const world = w.servingWorld();
  const other = { ...w.server(world, 3), bootId: w.server(world, 2).bootId };
  const before = world.said.length;
  for (const verdict of ["gone", "suspected"] as const) w.fault(world, { ...other, verdict }, 0);
  expect(world.said).toHaveLength(before);
});
