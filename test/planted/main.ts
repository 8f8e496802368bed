/** `npm run planted [-- [--thorough] NAME ...]`: plants each bug, and says who found it, and where. */
import { performance } from "node:perf_hooks";
import { PLANTED_BUGS } from "./bugs/index.js";
import { hunt } from "./hunt.js";

const USAGE = `usage: npm run planted -- [--thorough] [NAME ...]

Plants each bug (or those that are named), and says who found it, and where.

  --thorough  searches longer before a bug counts as not found
  --help      prints this, and the names`;

const words = process.argv.slice(2);
const thorough = words.includes("--thorough");
const isHelp = words.includes("--help");
const names = words.filter((word) => word !== "--thorough" && word !== "--help");
const unknown = names.filter((name) => !PLANTED_BUGS.some((bug) => bug.name === name));
const listed = PLANTED_BUGS.map((bug) => bug.name).join("\n");
const chosen = PLANTED_BUGS.filter((bug) => names.length === 0 || names.includes(bug.name));

if (isHelp) console.log(`${USAGE}\n\n${listed}`);
else if (unknown.length > 0) {
  console.error(`There is no planted bug ${unknown.join(", ")}. There are:\n${listed}`);
  process.exitCode = 2;
} else {
  let missed = 0;
  for (const bug of chosen) {
    const began = performance.now();
    const { found, at, said } = await hunt(bug, thorough);
    if (!found) missed += 1;
    const where = bug.hunt.by === "swarm" ? `seed ${at}` : `${at} states`;
    const verdict = found ? `found by the ${bug.hunt.by}, ${where}` : `NOT FOUND (${where})`;
    console.log(`${bug.rule.padEnd(10)} ${bug.name.padEnd(44)} ${verdict}, ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    console.log(`           ${said?.split("\n")[0]?.slice(0, 140) ?? "nothing is said"}`);
  }
  console.log(`${chosen.length} planted, ${missed} not found`);
  process.exitCode = missed === 0 ? 0 : 1;
}
