import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** What one run of the test runner came to, as .ci/run adds it up. */
export type TestCounts = { readonly passed: number; readonly failed: number; readonly skipped: number };

/**
 * Writes the runner's own counts to the file that TROUPE_TEST_COUNTS names (nothing is written without it).
 * What kept tests from running at all (a file that does not load, an error outside of any test) counts as a failure each.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const path = process.env.TROUPE_TEST_COUNTS;
    if (path === undefined) return;
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "skipped") skipped += 1;
        else failed += 1;
      }
    }
    mkdirSync(dirname(path), { recursive: true });
    const counts: TestCounts = { passed, failed, skipped };
    writeFileSync(path, `${JSON.stringify(counts)}\n`);
  }
}
