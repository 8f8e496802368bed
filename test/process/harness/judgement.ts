import { checkAddedOnce, checkPaidOnce } from "../../../src/checker/exactly-once.js";
import { checkLinearizability } from "../../../src/checker/linearizability.js";
import { modelNamed } from "../../../src/checker/models/index.js";
import type { Histories } from "./workload.js";

const MODELS = { kv: "register", counter: "counter", bank: "bank" } as const;

/** What is wrong with what the clients saw; empty when nothing is. "Undecided" is wrong: a check that proves nothing is no check. */
export function judge(histories: Histories): string[] {
  const problems: string[] = [];
  for (const service of ["kv", "counter", "bank"] as const) {
    const records = histories[service];
    const model = modelNamed(MODELS[service]);
    if (model === undefined) throw new Error(`no model ${MODELS[service]}`);
    const misfits = records.flatMap((record) => model.misfit(record) ?? []);
    problems.push(...misfits.map((misfit) => `${service}: ${misfit}`));
    const { verdict, explanations } = checkLinearizability(records, model);
    if (verdict !== "linearizable") problems.push(`${service}: ${verdict}: ${explanations.map(({ text }) => text).join("\n")}`);
  }
  for (const [what, { verdict, problems: found }] of [
    ["counter exactly once", checkAddedOnce(histories.counter)],
    ["bank exactly once", checkPaidOnce(histories.bank)],
  ] as const)
    if (verdict !== "passed") problems.push(`${what}: ${verdict}: ${found.join("; ")}`);
  return problems;
}

export function sizeOf(histories: Histories): number {
  return histories.kv.length + histories.counter.length + histories.bank.length;
}
