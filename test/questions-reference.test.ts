import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { LIMITS } from "../src/vocabulary/limit.js";
import { quorumSize } from "../src/vocabulary/style.js";

const text = readFileSync("docs/operating/questions.md", "utf8");
const rows = [...text.matchAll(/^\| (\d+) \| (\d+) \| (\d+) \|$/gm)].map((row) => row.slice(1).map(Number));

/** S3a: n - w + 1 of a view have to answer before another leader is chosen; the rest may be gone. */
function sparedAtOnce(replicas: number): number {
  return replicas - (replicas - quorumSize(replicas, "majority") + 1);
}

/** Each view goes on without those that its last one could spare, down to a single replica. */
function sparedInTurn(replicas: number): number {
  return sparedAtOnce(replicas) === 0 ? 0 : 1 + sparedInTurn(replicas - 1);
}

it("docs/operating/questions.md says how many replicas may fail", () => {
  expect(rows.map(([replicas]) => replicas)).toEqual([1, 2, 3, 5, LIMITS.replicasMax]);
  for (const [replicas = 0, atOnce, inTurn] of rows) expect([atOnce, inTurn]).toEqual([sparedAtOnce(replicas), sparedInTurn(replicas)]);
});

it("docs/operating/questions.md says the limits that are", () => {
  const number = (value: number) => value.toLocaleString("en");
  const facts = [
    `| replicas of a group | ${LIMITS.replicasMax} |`,
    `| ${LIMITS.payloadSizeBytesMax / 2 ** 20} MiB each |`,
    `| ${number(LIMITS.inFlightPerGroupMax)}, and above 256 `,
    `| ${number(LIMITS.sessionsMax)}; ${number(LIMITS.keysMax)}, each `,
    `| connections to a server | ${number(LIMITS.connectionsMax)} |`,
  ];
  for (const fact of facts) expect(text).toContain(fact);
});
