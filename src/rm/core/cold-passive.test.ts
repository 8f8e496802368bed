import { expect, test } from "vitest";
import type { ColdState } from "../../vocabulary/report.js";
import { STYLES } from "../../vocabulary/style.js";
import * as w from "./world.test-harness.js";

const SERVICE = { ...w.SPEC.service, styles: STYLES };
const COLD: ColdState = { stage: "cold", loadBytes: 1_000, replayEntries: 20, replayBytes: 4_000 };

/** The first leads; the others have no state. */
function coldWorld() {
  const world = w.servingWorld({ service: SERVICE, style: "cold-passive" });
  for (const number of [2, 3]) say(world, number, COLD);
  return world;
}

function say(world: ReturnType<typeof w.servingWorld>, number: number, cold: ColdState | null): void {
  w.server(world, number).cold = cold;
  w.report(world, w.server(world, number));
}

test("cold-passive is refused in words where durability is memory", () => {
  const world = w.servingWorld({ service: SERVICE, durability: "memory", minimumReplicas: 2 });
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { style: "cold-passive" } });
  expect(world.answers.at(-1)).toMatchObject({ kind: "rejected", httpStatus: 409, message: expect.stringContaining("durability disk") });
});

test("section 4, style: from cold-passive to another style only once every backup holds the state, and not without a word", () => {
  const world = coldWorld();
  const seals = w.sentOf(world, "seal").length;
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { style: "active" } });
  w.run(world, 1_000);
  expect(w.sentOf(world, "configure").at(-1)?.knobs.style).toBe("active");
  expect(w.sentOf(world, "seal").length).toBe(seals);
  expect(w.saidKinds(world)).toContain("style-waits");
  say(world, 2, null);
  w.run(world, 1_000);
  expect(w.activeView(world).style).toBe("cold-passive");
  say(world, 3, null);
  w.runUntil(world, () => w.activeView(world).style === "active" && w.serves(world));
  expect(w.activeView(world).leader).toBe("bank-1");
});

test("to cold-passive nothing has to be waited for", () => {
  const world = w.servingWorld({ service: SERVICE });
  w.admin(world, { kind: "set-group", group: w.GROUP, change: { style: "cold-passive" } });
  w.runUntil(world, () => w.activeView(world).style === "cold-passive" && w.serves(world));
});

test("of equally good logs the one whose replica holds the state leads", () => {
  const world = coldWorld();
  say(world, 3, null);
  w.die(world, w.server(world, 1));
  expect(w.activeView(world).leader).toBe("bank-3");
});

test("leadership does not move off a slow leader to a backup that would first have to load", () => {
  const world = coldWorld();
  w.run(world, 11_000);
  w.server(world, 1).verdict = "degraded";
  w.publish(world);
  w.run(world, 2_000);
  expect(w.sentOf(world, "hand-over").length).toBe(0);
});

test("the status says what a promotion would take, and that the group does not serve while one replays", () => {
  const world = coldWorld();
  w.run(world, 1_000);
  const group = () => world.status?.groups[0];
  expect(group()?.members.find(({ replica }) => replica === "bank-2")?.cold).toEqual(COLD);
  expect(group()?.serving).toBe(true);
  w.die(world, w.server(world, 1));
  const leader = w.activeView(world).leader;
  say(world, Number(leader.split("-")[1]), { ...COLD, stage: "loading" });
  w.run(world, 10);
  expect(group()).toMatchObject({ leader, serving: false });
  expect(group()?.waiting).toBe(`${leader} loads a snapshot of 1000 bytes and then replays 20 entries (4000 bytes) before it serves`);
  say(world, Number(leader.split("-")[1]), null);
  w.run(world, 10);
  expect(group()?.serving).toBe(true);
});
