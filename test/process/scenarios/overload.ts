import { type Answer, type Caller, troupeCaller } from "../harness/caller.js";
import { rolesOf } from "../harness/installation.js";
import { processNamed } from "../harness/process-table.js";
import { type Scenario, STEADY } from "../harness/scenario.js";
import { pause, until } from "../harness/wait.js";

const CALLERS = 16;
const MEASURE_MS = 1_000;
const OVERLOAD_MS = 5_000;
const TIMES = 5;
const TICK_MS = 5;

export const overload: readonly Scenario[] = [
  {
    name: "overload",
    what: "an open loop of five times what the group carries: refused in words rather than queued without bound, and the rate recovers by itself",
    alone: true,
    settings: STEADY,
    allows: ({ answer }) => answer.code === "overloaded",
    async run({ at, struck, figure }) {
      const { leader } = await rolesOf(at);
      const target = processNamed(at.dir, leader);
      if (target === null) throw new Error("the leader does not run");
      const callers = await Promise.all(Array.from({ length: CALLERS }, () => troupeCaller(at)));
      const rounds = await roundsOfOneMs();
      const before = await carriedRate(callers, rounds);
      const atMs = performance.now();
      const answers = await openLoop(callers, rounds, before * TIMES);
      const offered = answers.length / (OVERLOAD_MS / 1_000);
      const counts = { ok: 0, refused: 0, "not-executed": 0, unknown: 0 };
      for (const { outcome } of answers) counts[outcome] += 1;
      figure("carried a second before", before);
      figure("offered a second", offered);
      figure("refused", counts["not-executed"]);
      figure("answered", counts.ok);
      const strange = answers.find(({ outcome, code }) => outcome !== "ok" && code !== "overloaded");
      if (strange !== undefined) throw new Error(`under overload: ${JSON.stringify(strange)} among ${JSON.stringify(counts)}`);
      if (counts["not-executed"] === 0) throw new Error(`nothing was refused of ${offered.toFixed(0)} a second: ${JSON.stringify(counts)}`);
      struck({ ...target, name: "overload", atMs });
      let after = 0;
      await until("the rate recovers", 30_000, async () => {
        after = await carriedRate(callers, rounds);
        return after >= before * 0.6 ? { found: undefined } : { seen: `${after.toFixed(0)} of ${before.toFixed(0)} a second` };
      });
      figure("carried a second after", after);
      await Promise.all(callers.map((caller) => caller.close()));
    },
  },
];

/** How many rounds of `toil` keep this machine busy for a millisecond. */
async function roundsOfOneMs(): Promise<number> {
  let rounds = 50_000;
  let tookMs = 0;
  for (let attempt = 0; attempt < 5; attempt++) {
    const fromMs = performance.now();
    let sum = 0;
    for (let i = 0; i < rounds; i++) sum = (sum + i * 7) % 1_000_003;
    tookMs = Math.max(0.01, performance.now() - fromMs) + sum * 0;
    rounds = Math.max(1_000, Math.round(rounds / tookMs));
    await pause(1);
  }
  return rounds;
}

/** Requests a second with four in flight a client, each answered before the next is sent. */
async function carriedRate(callers: readonly Caller[], rounds: number): Promise<number> {
  const endMs = performance.now() + MEASURE_MS;
  let count = 0;
  const loop = async (caller: Caller): Promise<void> => {
    while (performance.now() < endMs) if ((await caller.operate("toil", rounds)).outcome === "ok") count += 1;
  };
  await Promise.all(callers.flatMap((caller) => [loop(caller), loop(caller), loop(caller), loop(caller)]));
  return count / (MEASURE_MS / 1_000);
}

/** Sends at a rate, whatever comes back. */
async function openLoop(callers: readonly Caller[], rounds: number, rate: number): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  const fromMs = performance.now();
  for (let nowMs = fromMs; nowMs < fromMs + OVERLOAD_MS; nowMs = performance.now()) {
    const due = Math.floor(((nowMs - fromMs) / 1_000) * rate);
    while (answers.length < due) {
      const caller = callers[answers.length % callers.length];
      if (caller !== undefined) answers.push(caller.operate("toil", rounds));
    }
    await pause(TICK_MS);
  }
  return Promise.all(answers);
}
