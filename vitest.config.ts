import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import LongFirst from "./test/long-first.js";

const unitTests = ["src/**/*.test.ts", "examples/**/*.test.ts"];
const processTests = ["test/process/**/*.test.ts", "src/lfd/process/lfd.test.ts", "src/supervisor/supervisor.test.ts"];
/** What they change is the process itself: how a package is loaded, which platform it is. */
const apartTests = ["src/codec/byte-order-mark.test.ts", "src/runtime/without-proc.test.ts"];
const simulatedTests = ["src/sim/**/*.test.ts", "src/proof/**/*.test.ts", "test/planted/**/*.test.ts", "test/exhaustive/**/*.test.ts"];

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}/index.ts`, import.meta.url));

export default defineConfig({
  // Service files import the package by its name: under test that is the source, not an older build.
  resolve: {
    alias: [
      { find: /^troupe$/, replacement: source("service") },
      { find: /^troupe\/(client|testing)$/, replacement: source("$1") },
    ],
  },
  test: {
    // The second writes the counts from which .ci/run makes its last line.
    reporters: ["default", "./test/count-reporter.ts"],
    // One a processor: left to itself it would keep one of two free.
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongFirst },
    setupFiles: ["./test/compared-pattern.ts"],
    coverage: { provider: "v8", include: ["src/**"], exclude: ["src/**/*.test.ts"] },
    projects: [
      {
        extends: true,
        // Files share a thread and what it has loaded: a process for each would take longer to start than most of them run.
        test: {
          name: "unit",
          include: unitTests,
          exclude: [...processTests, ...apartTests, ...simulatedTests],
          pool: "threads",
          isolate: false,
          testTimeout: 30_000,
        },
      },
      { extends: true, test: { name: "apart", include: apartTests, testTimeout: 30_000 } },
      {
        extends: true,
        test: {
          name: "whole",
          include: ["test/**/*.test.ts"],
          exclude: [...processTests, ...simulatedTests],
          pool: "threads",
          isolate: false,
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        // They make much that does not live, and each planted bug is a program of its own, over before much of it is compiled.
        test: {
          name: "simulated",
          include: simulatedTests,
          execArgv: ["--max-semi-space-size=64", "--always-sparkplug"],
          // Bundles are loaded as they are: to change a million characters takes longer than to run them.
          server: { deps: { external: [/\.cache\/planted\//] } },
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        // Real processes are killed, stopped and starved here: one file at a time, and after everything else, so that load is no fault of its own.
        test: {
          name: "process",
          include: processTests,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
