import type { Chance } from "./chance.js";
import { hostIds, type Scene } from "./scene.js";
import { after, mark, note } from "./world.js";

const HOUR_MS = 3_600_000;
const YEAR_MS = 8_766 * HOUR_MS;

/** Somebody sets the wall clock of a host: by little or by much, ahead or back. Now and then it was a mistake, and is put right. */
export function jumpWallClock(scene: Scene, chance: Chance): boolean {
  const { world } = scene.installation;
  const host = world.hosts.get(chance.pick(hostIds(scene)));
  if (host === undefined) return false;
  const sizeMs = Math.floor(chance.pick([chance.between(1, 5_000), chance.between(1, 48) * HOUR_MS, chance.between(1, 9) * YEAR_MS]));
  const byMs = chance.happens(0.5) ? sizeMs : -sizeMs;
  host.wallOffsetMs += byMs;
  mark(world, byMs > 0 ? "wall-clock-ahead" : "wall-clock-back");
  note(world, host.hostId, "wall-clock-set", () => `by ${byMs} ms`);
  if (chance.happens(0.5))
    after(world, chance.between(50, 2_000), () => {
      host.wallOffsetMs -= byMs;
      note(world, host.hostId, "wall-clock-put-right", () => `by ${-byMs} ms`);
    });
  return true;
}
