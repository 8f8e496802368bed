import { performance } from "node:perf_hooks";
import { loadPlanted } from "./bundle.js";
import { PLANTED_BUGS } from "./bugs/index.js";
const seeds = Number(process.argv[2]);
const names = process.argv.slice(3);
for (const bug of PLANTED_BUGS) {
  if (names.length > 0 && !names.includes(bug.name)) continue;
  if (bug.hunt.by !== "swarm") continue;
  try {
    const proof = await loadPlanted(bug.name, bug.edits);
    const began = performance.now();
    const hits: string[] = [];
    let found = 0;
    for (let seed = Number(process.env.FROM ?? 1); seed <= seeds && found < Number(process.env.FOUND ?? 1); seed++) {
      const drawn = proof.drawPlan(seed);
      const cpu = process.cpuUsage();
      const { violation } = proof.runSeed(seed, { plan: bug.hunt.focus?.(drawn) ?? drawn });
      console.error(bug.name, seed, (process.cpuUsage(cpu).user / 1e6).toFixed(2), violation?.rule.slice(0, 60) ?? "-");
      if (violation === null) continue;
      const said = violation.rule.includes(" violated") ? violation.rule : `${violation.rule}: ${violation.text}`;
      if (bug.found.test(said)) found++;
      hits.push(`   ${seed} ${bug.found.test(said) ? "yes" : "NO "} ${said.slice(0, 130).replace(/\n/g, " ")}`);
    }
    console.log(`${bug.name} (${bug.rule}): ${found} ${((performance.now() - began) / 1000).toFixed(1)} s\n${hits.join("\n")}`);
  } catch (error) {
    console.log(`${bug.name}: ${error instanceof Error ? error.message : error}`);
  }
}
