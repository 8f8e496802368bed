/** That each shape of a cut is what it says, and heals. */
import { describe, expect, test } from "vitest";
import { createChance } from "./chance.js";
import { FAULTS } from "./faults.js";
import type { Scene } from "./scene.js";
import { newScene, run } from "./scene.test-harness.js";

function strike(scene: Scene, kind: string, seed: number): string[] {
  expect(FAULTS[kind]?.(scene, createChance(seed, "strike"))).toBe(true);
  return [...scene.installation.network.cuts].sort();
}

function reversed(link: string): string {
  return link.split(">").reverse().join(">");
}

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);
/** Of four hosts. */
const DIRECTIONS = 12;

describe("a pair of hosts", () => {
  test("is cut both ways or one way, any pair, and healed", () => {
    const oneWay = new Set<string>();
    const bothWays = new Set<string>();
    for (const seed of SEEDS) {
      const scene = newScene(3);
      const links = strike(scene, "pair-of-hosts-cut", seed);
      if (links.length === 1) oneWay.add(links.join());
      else {
        expect(links).toEqual(links.map(reversed).sort());
        bothWays.add(links.join());
      }
      run(scene.installation.world, 5_000);
      expect(scene.installation.network.cuts.size).toBe(0);
    }
    expect([oneWay.size, bothWays.size]).toEqual([DIRECTIONS, DIRECTIONS / 2]);
  });

  test("after pair is cut, each for a while, until all have been", () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const scene = newScene(3);
      const seen = new Set<string>();
      let links = strike(scene, "every-link-severed", seed);
      for (; links.length > 0; links = [...scene.installation.network.cuts].sort()) {
        // One at a time.
        expect(new Set(links.map((link) => link.split(">").sort().join("-"))).size).toBe(1);
        for (const link of links) seen.add(link.split(">").sort().join("-"));
        run(scene.installation.world, 10);
      }
      expect(seen.size).toBe(DIRECTIONS / 2);
      expect(scene.installation.world.marks.get("every-pair-cut")).toBe(1);
    }
  });

  test("after pair is cut no longer when the storm is over", () => {
    const scene = newScene(3);
    strike(scene, "every-link-severed", 1);
    scene.over = true;
    run(scene.installation.world, 1_000);
    expect(scene.installation.network.cuts.size).toBe(0);
    expect(scene.installation.world.marks.has("every-pair-cut")).toBe(false);
  });
});

describe("hosts that hear only some others", () => {
  const HOSTS = ["host-1", "host-2", "host-3", "host-4", "main"];

  /** Whom each host still hears. */
  function heardBy(links: readonly string[]): Map<string, string[]> {
    return new Map(HOSTS.map((a) => [a, HOSTS.filter((b) => a !== b && !links.includes(`${b}>${a}`))]));
  }

  test("hear one in the middle, which is any of them, or their neighbours on a ring in any order", () => {
    const bridges = new Set<string>();
    const rings = new Set<string>();
    for (const seed of SEEDS) {
      const links = strike(newScene(4), "neighbours", seed);
      expect(links).toEqual(links.map(reversed).sort());
      const heard = heardBy(links);
      const counts = [...heard.values()].map((each) => each.length).sort();
      if (counts.every((count) => count === 2)) rings.add(links.join());
      else {
        expect(counts).toEqual([1, 1, 1, 1, 4]);
        bridges.add(HOSTS.find((host) => heard.get(host)?.length === 4) ?? "none");
      }
    }
    expect([...bridges].sort()).toEqual(HOSTS);
    expect(rings.size).toBeGreaterThan(5);
  });
});
