import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

const gfdOf = (world: w.World) => world.status?.components.find((each) => each.component === "gfd")?.verdict;

test("a GFD that is stopped keeps its connection, and is not said to be alive all the same", () => {
  const world = w.servingWorld();
  expect(gfdOf(world)).toBe("alive");
  world.gfdStopped = true;
  w.run(world, 1_000);
  expect(gfdOf(world)).toBe("suspected");
  world.gfdStopped = false;
  w.run(world, 1_000);
  expect(gfdOf(world)).toBe("alive");
});
