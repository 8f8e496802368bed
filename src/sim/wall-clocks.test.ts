import { expect, test } from "vitest";
import { createChance } from "./chance.js";
import { FAULTS } from "./faults.js";
import { newScene, run } from "./scene.test-harness.js";
import { localMs, wallMs } from "./world.js";

test("the wall clock of a host is set ahead or back, by seconds or years, and now and then put right; other clocks are not", () => {
  const directions = new Set<number>();
  const sizes = new Set<string>();
  const putRight = new Set<boolean>();
  for (let seed = 1; seed <= 60; seed++) {
    const scene = newScene(3);
    const { world } = scene.installation;
    const hosts = [...world.hosts.values()];
    const walls = (): number[] => hosts.map((host) => wallMs(world, host));
    const before = walls();
    const local = hosts.map((host) => localMs(world, host));
    expect(FAULTS["time-leap"]?.(scene, createChance(seed, "strike"))).toBe(true);
    const jumps = walls().flatMap((ms, i) => (ms === before[i] ? [] : [ms - (before[i] ?? 0)]));
    expect(jumps).toHaveLength(1);
    expect(hosts.map((host) => localMs(world, host))).toEqual(local);
    const [jumpMs = 0] = jumps;
    directions.add(Math.sign(jumpMs));
    sizes.add(Math.abs(jumpMs) < 5_000 ? "seconds" : Math.abs(jumpMs) < 8_000_000_000 ? "hours" : "years");
    run(scene.installation.world, 5_000);
    putRight.add(walls().every((ms, i) => ms === (before[i] ?? 0) + 5_000));
  }
  expect([directions, sizes, putRight].map(({ size }) => size)).toEqual([2, 3, 2]);
});
