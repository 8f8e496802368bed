import { afterAll, describe, it } from "vitest";
import { STYLES } from "./installation.js";
import { createStable, runScenario, type Scenario } from "./scenario.js";

/** Declares each scenario of a family as a test, in each style. */
export function declareFamily(family: string, scenarios: readonly Scenario[], styles = STYLES): void {
  const stable = createStable();
  afterAll(() => stable.close());
  describe.each(styles)(`${family} (%s)`, (style) => {
    for (const scenario of scenarios)
      if (scenario.leftOut === undefined)
        it(`${scenario.name}: ${scenario.what}`, async () => {
          await runScenario(stable, scenario, style);
        });
  });
}
