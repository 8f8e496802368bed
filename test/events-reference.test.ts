import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { listFiles, readText } from "./tidy/source-file.js";

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

const listedKinds = (): string[] => {
  const rows = readFileSync("docs/reference/events.md", "utf8").match(/^\| `.*?\|/gm) ?? [];
  return rows.flatMap((row) => [...row.matchAll(/`([a-z-]+)`/g)].map((name) => name[1] ?? ""));
};

test("docs/reference/events.md lists what the Replication Manager announces, and nothing else", () => {
  expect([...new Set(listedKinds())].sort()).toEqual(announcedKinds());
});

test("the documents name no other event", () => {
  const paths = ["README.md", "ARCHITECTURE.md", ...listFiles("docs", ".md"), ...listFiles("examples", ".md")];
  const named = paths.flatMap((path) =>
    [...readText(path).matchAll(/event,? (?:is )?`([a-z-]+)`/g)].map((match) => ({ path, kind: match[1] ?? "" })),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(({ kind }) => !listedKinds().includes(kind))).toEqual([]);
});
