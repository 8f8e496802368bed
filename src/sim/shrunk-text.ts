import { shaped, shapeText } from "./shape.js";
import { shrink } from "./shrink.js";
import { drawPlan } from "./swarm.js";
import { timelineOf } from "./timeline.js";

/** A failing seed for a person: its story, what is left of its run, and the line that keeps it. Null when it passes. */
export async function shrunkText(seed: number, mayGoOn: () => boolean): Promise<string | null> {
  const plan = drawPlan(seed);
  const shrunk = await shrink(seed, plan, mayGoOn);
  if (shrunk === null) return null;
  const { shape, violation, strikesBefore, runs } = shrunk;
  const left = shaped(plan, shape);
  const { spec } = left;
  return [
    ...(await timelineOf(seed, left)),
    "",
    `seed ${seed} breaks ${violation.rule} after ${(violation.atMs / 1_000).toFixed(3)} virtual seconds`,
    violation.text,
    `left of it after ${runs} runs: ${left.strikes?.length ?? strikesBefore} of ${strikesBefore} strikes, ${spec.replicas} replicas on ${left.hostCount} hosts, ${left.clientCount} clients`,
    `to keep it, add to test/seeds/seeds.txt: ${`${seed} ${shapeText(shape)}`.trim()} (what it was)`,
  ].join("\n");
}
