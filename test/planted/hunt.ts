import type { Violation } from "../../src/sim/world.js";
import { loadPlanted, type Proof } from "./bundle.js";
import type { ExplorerHunt, PlantedBug, SwarmHunt } from "./planted-bug.js";

/** How a hunt ended. */
export interface Hunted {
  /** The violation's rule and text, or null. */
  readonly said: string | null;
  /** The first seed that showed it, or the number of states. */
  readonly at: number;
  /** It is what was expected. */
  readonly found: boolean;
}

/** `thorough`: from the first seed on, though another is known to show it. */
export async function hunt(bug: PlantedBug, thorough = false): Promise<Hunted> {
  const proof = await loadPlanted(bug.name, bug.edits);
  return bug.hunt.by === "swarm" ? huntInSwarm(proof, bug, bug.hunt, thorough) : huntInScope(proof, bug, bug.hunt);
}

async function huntInSwarm(proof: Proof, bug: PlantedBug, { seed: known, within, focus }: SwarmHunt, thorough: boolean): Promise<Hunted> {
  let other: Hunted = { said: null, at: within, found: false };
  for (let at = thorough ? 1 : 0; at <= within; at++) {
    const seed = at === 0 ? known : at;
    const drawn = proof.drawPlan(seed);
    const { violation } = await proof.runSeed(seed, { plan: focus?.(drawn) ?? drawn });
    if (violation === null) continue;
    const said = textOf(violation);
    if (bug.found.test(said)) return { said, at: seed, found: true };
    if (other.said === null) other = { said, at: seed, found: false };
  }
  return other;
}

function textOf({ rule, text }: Violation): string {
  return rule.includes(" violated") ? rule : `${rule}: ${text}`;
}

function huntInScope(proof: Proof, bug: PlantedBug, { scope, within }: ExplorerHunt): Hunted {
  const small = proof.scopeNamed("small");
  if (small === undefined) throw new Error("there is no scope `small`");
  const { violation, states } = proof.explore({ ...small, ...scope, statesMax: within });
  const said = violation?.text ?? null;
  return { said, at: states, found: said !== null && bug.found.test(said) };
}
