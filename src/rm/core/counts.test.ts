import { expect, test } from "vitest";
import * as w from "./world.test-harness.js";

const FAULTS = ["dead", "suspected", "paused", "learning"] as const;

function strike(world: w.World, fault: (typeof FAULTS)[number], number: number): void {
  const fake = w.server(world, number);
  if (fault === "dead") world.refuseStarts = true;
  if (fault === "learning") for (const one of world.servers.values()) one.withinBound = false;
  if (fault === "dead" || fault === "learning") return w.die(world, fake);
  for (const kind of ["seal", "lead"] as const) fake.silent.add(kind);
  fake.paused = fault === "paused";
  w.publish(world);
  w.suspect(world, fake);
}

function heal(world: w.World): void {
  world.refuseStarts = false;
  for (const fake of world.servers.values()) {
    Object.assign(fake, { withinBound: true, paused: false, verdict: fake.running ? "alive" : "gone" });
    fake.silent.clear();
  }
  w.publish(world);
  for (const fake of world.servers.values()) w.report(world, fake);
}

for (const quorum of ["majority", "all"] as const)
  test(`with a quorum of ${quorum} a group of any size serves while its size is changed and one of it is away, and has that size in the end`, () => {
    for (const from of [1, 2, 4, 7])
      for (const to of [1, 3, 7])
        for (const fault of FAULTS) {
          // The leader, or the youngest.
          const number = fault === "dead" || fault === "suspected" ? 1 : from;
          const world = w.servingWorld({ quorum, replicas: from });
          strike(world, fault, number);
          w.admin(world, { kind: "set-group", group: w.GROUP, change: { replicas: to } });
          w.run(world, 5_000);
          const what = `${from} to ${to}, ${fault}: ${number}`;
          if (from > 1) expect(w.serves(world), what).toBe(true);
          heal(world);
          const replicas = (): unknown => world.content?.groups[0]?.replicas.length;
          w.runUntil(world, () => w.serves(world) && w.activeView(world).members.length === to && replicas() === to, 40_000);
          expect(w.saidKinds(world).filter((kind) => kind === "change-began").length, what).toBeLessThan(from + to + 12);
        }
  });
