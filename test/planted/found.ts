import { describe, expect, test } from "vitest";
import { hunt } from "./hunt.js";
import type { PlantedBug } from "./planted-bug.js";

/** The proof can fail: bugs planted in the cores, the storage, the client and the executor are found, each within a stated number of seeds or states. */
export function declareFound(bugs: readonly PlantedBug[]): void {
  describe("found when planted", () => {
    test.each(bugs.map((bug) => [`${bug.rule}: ${bug.name}`, bug] as const))("%s", { timeout: 240_000 }, async (_, bug) => {
      const { found, said } = await hunt(bug);
      expect(said).toMatch(bug.found);
      expect(found).toBe(true);
    });
  });
}
