/** The explorer can fail: faults planted around the real cores, each found within a stated number of states. */
import { describe, expect, test } from "vitest";
import { explore } from "../../src/explore/exploration.js";
import { PLANTED, type Planted } from "../../src/explore/planted.js";
import { type Scope, scopeNamed } from "../../src/explore/scope.js";

const small = scopeNamed("small");
if (small === undefined) throw new Error("no small scope");

interface Hunt {
  readonly scope: Partial<Scope>;
  /** What is broken in the end. */
  readonly rule: RegExp;
  readonly statesMax: number;
}

const hunts: Readonly<Record<Planted, Hunt>> = {
  "entries-told-early": { scope: { restarts: 1 }, rule: /^S3/, statesMax: 60_000 },
  "promise-told-early": { scope: { restarts: 1 }, rule: /^S2a/, statesMax: 2_000 },
  amnesia: { scope: { members: 2, wipes: 1 }, rule: /^S3/, statesMax: 5_000 },
  "one-answer-too-few": { scope: {}, rule: /^S3/, statesMax: 10_000 },
  "counts-attempted-view": { scope: { attempts: 2 }, rule: /^L1|^S[13]/, statesMax: 100_000 },
  "shortest-log-leads": { scope: {}, rule: /^L1|^S3/, statesMax: 5_000 },
  "activates-unwritten": { scope: {}, rule: /^S4c/, statesMax: 5_000 },
  "store-takes-all": { scope: { members: 1, requests: 0, rms: 2, attempts: 2 }, rule: /^S1:/, statesMax: 2_000 },
  "same-term": { scope: { requests: 0, rms: 2, attempts: 2 }, rule: /^S1b/, statesMax: 40_000 },
};

describe("the explorer finds", () => {
  test.each(PLANTED)("%s", { timeout: 240_000 }, (planted) => {
    const { scope, rule, statesMax } = hunts[planted];
    const report = explore({ ...small, ...scope, statesMax, planted });
    expect(report.violation?.text).toMatch(rule);
    expect(report.violation?.path.length).toBeGreaterThan(2);
    expect(report.violation?.path).not.toContain("?");
  });
});
