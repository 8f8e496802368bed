/** Every interleaving of small groups of the real replica cores: each scope is seen whole, and gets to the point. */
import { describe, expect, test } from "vitest";
import { explore } from "../../src/explore/exploration.js";
import { SCOPES } from "../../src/explore/scope.js";

const scopes = SCOPES.filter((scope) => scope.name.startsWith("small"));

/** What a scope must have come to at least once, or it shows nothing. */
const mustHave: Readonly<Record<string, readonly string[]>> = {
  small: ["all requests answered", "second view active"],
  "small-passive": ["all requests answered", "second view active"],
  "small-read": ["a read is open", "a read was answered", "second view active"],
  "small-restart": ["all deaths died", "second view active"],
  "small-steady": ["all deaths died", "all requests answered"],
  "small-pair": ["all deaths died", "all requests answered", "second view active"],
  "small-wipe": ["all deaths died", "second view active"],
  "small-spare": ["second view active", "a spare is a member"],
  "small-rivals": ["second view active", "an RM was superseded"],
  "small-late": ["all requests answered", "second view active"],
  "small-core": ["second view active"],
  "small-core-rivals": ["second view active", "an RM was superseded"],
};

describe("S1-S7, L1-L3 hold in every state of", () => {
  test.each(scopes)("$name", { timeout: 240_000 }, (scope) => {
    const report = explore(scope);
    expect(report.violation).toBeNull();
    expect(report.complete).toBe(true);
    expect(report.worlds).toBeGreaterThan(5_000);
    for (const mark of mustHave[scope.name] ?? ["no such scope"]) expect(report.marks[mark], mark).toBeGreaterThan(0);
  });
});

test("a bound that cuts is said", () => {
  const [scope] = scopes;
  if (scope === undefined) throw new Error("no scopes");
  const report = explore({ ...scope, statesMax: 1_000 });
  expect(report.complete).toBe(false);
  expect(report.violation).toBeNull();
  expect(report.states).toBeGreaterThanOrEqual(1_000);
});

test("one scope is explored the same way each time", () => {
  const scope = scopes.find((one) => one.name === "small-rivals");
  if (scope === undefined) throw new Error("no such scope");
  expect(explore(scope)).toEqual(explore(scope));
});

test("a bound of disturbances is a bound: the more there may be the more is seen, and in the end all that is seen by steps", () => {
  const scope = scopes.find((one) => one.name === "small-rivals");
  if (scope === undefined) throw new Error("no such scope");
  const bySteps = explore({ ...scope, merges: false });
  const whole = explore({ ...scope, merges: false, search: "disturbances" });
  expect([whole.complete, whole.isDeeper, whole.states]).toEqual([true, false, bySteps.states]);
  const seen = [0, 1, 2, whole.depth].map((depthMax) => explore({ ...scope, search: "disturbances", depthMax }));
  for (const report of seen) expect([report.complete, report.isDeeper, report.violation]).toEqual([true, true, null]);
  const counts = seen.map(({ states }) => states);
  expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
  expect(counts[3]).toBe(bySteps.states);
});
