import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** Kinds that the RM announces by name in its source; those put together from a verdict or an action, or written by `troupe recover`, are listed by hand. */
function announcedKinds(): string[] {
  const composed = ["alive", "suspected", "degraded", "gone"];
  const kinds = new Set([...composed, ...composed.map((verdict) => `host-${verdict}`)]);
  for (const path of readSources()) {
    for (const match of readFileSync(path, "utf8").matchAll(/announce\(\s*effects,\s*([^,]+),/g)) {
      for (const name of (match[1] ?? "").matchAll(/"([a-z-]+)"/g)) if (name[1] !== undefined) kinds.add(name[1]);
    }
  }
  for (const recovery of ["store-rebuilt", "data-loss-accepted"]) kinds.add(recovery);
  for (const action of ["killed", "paused", "resumed"]) kinds.add(`${action}-by-hand`);
  return [...kinds].sort();
}

function readSources(): string[] {
  return readdirSync("src/rm/core")
    .filter((name) => !name.includes(".test"))
    .map((name) => `src/rm/core/${name}`);
}

test("docs/reference/events.md lists what the Replication Manager announces, and nothing else", () => {
  const text = readFileSync("docs/reference/events.md", "utf8");
  const listed = new Set<string>();
  for (const line of text.split("\n").filter((one) => one.startsWith("| `"))) {
    for (const name of (line.split("|")[1] ?? "").matchAll(/`([a-z-]+)`/g)) if (name[1] !== undefined) listed.add(name[1]);
  }
  expect([...listed].sort()).toEqual(announcedKinds());
});
