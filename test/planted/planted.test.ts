/** That bugs are found is in the files beside this one, which run side by side; this one is about the list of them. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { PLANTED_BUGS } from "./bugs/index.js";
import { ACCIDENTS, STARRED } from "./clauses.js";
import { planted } from "./planted-bug.js";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

test("each clause without which an entry is lost or a read is stale has a planted bug, and so has each accident of others", () => {
  expect(STARRED.length).toBe(25);
  expect(ACCIDENTS.length).toBe(14);
  const names = PLANTED_BUGS.map((bug) => bug.name);
  expect(new Set(names).size).toBe(names.length);
  for (const { says, bugs } of [...STARRED, ...ACCIDENTS]) {
    expect(bugs, says).not.toEqual([]);
    expect(names, says).toEqual(expect.arrayContaining([...bugs]));
  }
});

test("each is looked for", () => {
  const here = readdirSync(join(PROJECT, "test/planted")).filter((file) => file.startsWith("found-in-"));
  const looked = here.map((file) => readFileSync(join(PROJECT, "test/planted", file), "utf8")).join();
  const lists = readdirSync(join(PROJECT, "test/planted/bugs")).filter((file) => file !== "index.ts");
  expect(lists.length).toBeGreaterThan(0);
  for (const list of lists) expect(looked).toContain(`"./bugs/${list.replace(/\.ts$/, ".js")}"`);
});

test("where one was found last is within what is stated", () => {
  for (const { name, hunt } of PLANTED_BUGS) if (hunt.by === "swarm") expect(hunt.seed, name).toBeLessThanOrEqual(hunt.within);
});

test("each bug has the rule that it breaks in the table of rules", () => {
  const table = readFileSync(join(PROJECT, "docs/internals/safety.md"), "utf8");
  for (const { name, rule } of PLANTED_BUGS)
    if (!rule.startsWith("section ")) expect(table.includes(`\n| ${rule} `), `${name}: ${rule}`).toBe(true);
});

test("a bug whose text is not found exactly once is not planted", () => {
  const edit = { file: "a.ts", find: "one", replace: "two" };
  expect(planted("a.ts", "one", [edit])).toBe("two");
  expect(() => planted("a.ts", "one one", [edit])).toThrow("holds this 2 times");
  expect(() => planted("a.ts", "none at all but text", [{ ...edit, find: "three" }])).toThrow("holds this 0 times");
});

test("the published package holds nothing of them", () => {
  const listed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: PROJECT,
    encoding: "utf8",
    stdio: "pipe",
  });
  const [{ files }] = JSON.parse(listed) as [{ files: { path: string }[] }];
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter(({ path }) => path.includes("planted") || path.startsWith("test/"))).toEqual([]);
  const sources = readdirSync(join(PROJECT, "src"), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  for (const { name, edits } of PLANTED_BUGS) {
    for (const { file, find } of edits) {
      expect(sources, name).toContain(file);
      expect(readFileSync(join(PROJECT, "src", file), "utf8").split(find), `${name}: ${find}`).toHaveLength(2);
    }
  }
});
