import { expect, test } from "vitest";
import type { DecodedMessage } from "../codec/message.js";
import { decodeMessage, encodeMessageWhole } from "../codec/message.js";
import { encodeEntry } from "../codec/entry.js";
import { GROUP, SAMPLES } from "../codec/message.test-samples.js";
import { createChance } from "./chance.js";
import { drawPlan } from "./swarm.js";
import { damaged, drawDamage, UNREADABLE } from "./wire.js";
import { createWorld, type World } from "./world.js";

const APPEND = SAMPLES.append;

function strike(seed: number, decode?: (bytes: Uint8Array) => DecodedMessage): World {
  const world = createWorld(seed, drawPlan(1).settings, null);
  const arrived = damaged(world, drawDamage(createChance(seed, "damage")), APPEND, GROUP, decode);
  expect(arrived === UNREADABLE).toBe(world.violation === null);
  return world;
}

test("L5: a bit of an entry that is turned over on its way is found out, whichever it is", () => {
  const whole = encodeMessageWhole(APPEND, GROUP);
  const entriesBytes = APPEND.entries.reduce((sum, entry) => sum + encodeEntry(GROUP, entry).length, 0);
  const places = new Set<number>();
  for (let seed = 1; seed <= 400; seed++) {
    const { violation } = strike(seed, (bytes) => {
      const changed = [...bytes.keys()].filter((at) => bytes[at] !== whole[at]);
      expect([bytes.length, changed.length]).toEqual([whole.length, 1]);
      places.add(changed[0] ?? 0);
      return decodeMessage(bytes, GROUP);
    });
    expect(violation).toBeNull();
  }
  expect(Math.min(...places)).toBeGreaterThanOrEqual(whole.length - entriesBytes);
  expect(places.size).toBeGreaterThan(250);
  expect(decodeMessage(whole, GROUP).ok).toBe(true);
});

test("L5: whoever takes it breaks the rule", () => {
  expect(strike(1, () => ({ ok: true, message: APPEND })).violation?.rule).toBe("L5");
});
