import { afterAll, describe, it } from "vitest";
import { STYLES } from "./installation.js";
import { createStable, runScenario, type Scenario } from "./scenario.js";

/** Declares each scenario of a family as a test, in each style. */
export function declareFamily(family: string, scenarios: readonly Scenario[], styles = STYLES): void {
  const stable = createStable();
  afterAll(() => stable.close());
  describe.each(styles)(`${family} (%s)`, (style) => {
    for (const scenario of bySettings(scenarios))
      if (scenario.leftOut === undefined)
        it(`${scenario.name}: ${scenario.what}`, async () => {
          await runScenario(stable, scenario, style);
        });
  });
}

/** Those with the same settings one after another: an installation is started once for all of them. */
function bySettings(scenarios: readonly Scenario[]): Scenario[] {
  const families = new Map<string, Scenario[]>();
  for (const scenario of scenarios) {
    const key = JSON.stringify(scenario.settings ?? null);
    families.set(key, [...(families.get(key) ?? []), scenario]);
  }
  return [...families.values()].flat();
}
