import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

const REPLICAS = { kind: "set-group", group: w.GROUP, change: { replicas: 5 } } as const;

test("several settings at once: where one of them cannot be, none is changed, and nothing is said to have changed", () => {
  const world = w.servingWorld();
  const before = world.content;
  const tooShort = { kind: "set-detector", detector: "lfd", knobs: { suspicionTimeoutMs: 21 } } as const;
  w.admin(world, { kind: "set-all", parts: [REPLICAS, tooShort] });
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 400, message: expect.stringMatching(/suspicionTimeoutMs/) });
  expect(world.content).toBe(before);
  expect(w.saidKinds(world)).not.toContain("spec-changed");
});

test("several settings at once are stored together, before they are answered", () => {
  const world = w.servingWorld();
  const knobs = { kind: "set-detector", detector: "gfd", knobs: { suspicionTimeoutMs: 800 } } as const;
  w.admin(world, { kind: "set-all", parts: [REPLICAS, knobs] });
  expect(world.answers.at(-1)).toMatchObject({ kind: "accepted" });
  expect(world.content?.groups[0]?.spec.replicas).toBe(5);
  expect(world.content?.detectors.gfd.suspicionTimeoutMs).toBe(800);
  expect(w.saidKinds(world)).toEqual(expect.arrayContaining(["spec-changed", "detector-changed"]));
});
