import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The longest first. */
export const LONG_FILES = [
  "src/sim/swarm.test.ts",
  "test/planted/found-in-views.test.ts",
  "test/planted/found-in-logs.test.ts",
  "test/planted/found-in-scopes.test.ts",
  "src/proof/proof.test.ts",
  "test/exhaustive/small.test.ts",
];

function rank({ moduleId }: TestSpecification): number {
  const place = LONG_FILES.findIndex((path) => moduleId.endsWith(`/${path}`));
  return place === -1 ? LONG_FILES.length : place;
}

/** A long file that began last would leave the other processors idle until it ends: these begin first. */
export default class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
