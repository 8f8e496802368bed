import type { OperationRecord } from "../checker/history.js";
import { stylesOf } from "../service/define-service.js";
import type { Plan } from "../sim/plan.js";
import { lifeOf, type RunResult } from "../sim/run.js";
import { drawQuickPlan } from "../sim/swarm.js";
import { groupName } from "../vocabulary/ids.js";
import type { Style } from "../vocabulary/style.js";
import { findPending } from "./chronicle.js";
import { drained } from "../sim/drained.js";
import type { Finding, Looked } from "./finding.js";
import { guestOf, SERVICE_RULE } from "./guest.js";
import { layHostGlobals, setHost } from "./host-globals.js";
import type { Source } from "./requests.js";
import type { Subject } from "./subject.js";

/** What became of the calls of one operation or query. */
export interface CallCount {
  readonly name: string;
  readonly answered: number;
  /** By code. */
  readonly refused: readonly (readonly [string, number])[];
}

/** One run of a service, small enough to be sent between threads. */
export interface SeedProof {
  readonly seed: number;
  readonly style: Style;
  readonly replicas: number;
  /** Enough happened for the run to say anything. */
  readonly counted: boolean;
  readonly virtualMs: number;
  readonly views: number;
  readonly faults: number;
  readonly looked: Looked;
  readonly calls: readonly CallCount[];
  /** Of the service. */
  readonly finding: Finding | null;
  /** Of Troupe itself: a rule of its own that did not hold. */
  readonly defect: { readonly rule: string; readonly text: string } | null;
}

export interface SeedOptions {
  readonly style: Style;
  readonly seed: number;
  /** Gets every line of the timeline. */
  readonly print?: (line: string) => void;
}

/** Runs a service through one seed: the simulator's world and faults, in one style throughout. */
export async function proveSeed(subject: Subject, sources: readonly Source[], { style, seed, print }: SeedOptions): Promise<SeedProof> {
  const { guest, chronicle } = guestOf(subject, sources);
  const takeOff = layHostGlobals();
  try {
    const plan = planOf(subject, style, seed, guest);
    const life = lifeOf(seed, print === undefined ? { plan } : { plan, print });
    for (;;) {
      const turn = life.next();
      if (turn.done === true) return proofOf(turn.value, chronicle);
      // What a handler does after an await happens on its host as well.
      setHost([...chronicle.pending][0]?.host ?? null);
      await drained();
      setHost(null);
      findPending(chronicle);
    }
  } finally {
    setHost(null);
    takeOff();
  }
}

/** What the seed draws, but for what would leave nothing to compare. */
function planOf(subject: Subject, style: Style, seed: number, guest: NonNullable<Plan["guest"]>): Plan {
  const service = subject.newService();
  const drawn = drawQuickPlan(seed);
  const { spec } = drawn;
  return {
    ...drawn,
    hostCount: Math.max(3, drawn.hostCount),
    service,
    guest,
    spec: {
      ...spec,
      group: groupName(service.name),
      service: { ...spec.service, name: service.name, styles: stylesOf(service).filter((each) => each === style) },
      style,
      // COLD_IN_MEMORY: what a cold backup has is on its disk.
      durability: style === "cold-passive" ? "disk" : spec.durability,
      replicas: spec.replicas === 1 ? 3 : spec.replicas,
      checkpointEntries: Math.min(100, spec.checkpointEntries),
    },
  };
}

function proofOf(result: RunResult, { finding, looked }: { readonly finding: Finding | null; readonly looked: Looked }): SeedProof {
  const { seed, plan, counted, virtualMs, viewCount, marks, violation } = result;
  let faults = 0;
  for (const [name, count] of marks) if (name.startsWith("fault-")) faults += count;
  return {
    seed,
    style: plan.spec.style,
    replicas: plan.spec.replicas,
    counted,
    virtualMs,
    views: viewCount,
    faults,
    // The simulator compares as well, by index: in the passive styles that is the comparison.
    looked: { ...looked, comparisons: looked.comparisons + (marks.get("states-compared") ?? 0) },
    calls: countCalls(result.records),
    finding,
    defect:
      violation === null || violation.rule === SERVICE_RULE || finding !== null ? null : { rule: violation.rule, text: violation.text },
  };
}

function countCalls(records: readonly OperationRecord[]): CallCount[] {
  const counts = new Map<string, { answered: number; refused: Map<string, number> }>();
  for (const { operation, outcome, code } of records) {
    const count = counts.get(operation) ?? { answered: 0, refused: new Map<string, number>() };
    counts.set(operation, count);
    if (outcome === "ok") count.answered += 1;
    if (outcome === "refused") count.refused.set(code ?? "refused", (count.refused.get(code ?? "refused") ?? 0) + 1);
  }
  return [...counts].map(([name, { answered, refused }]) => ({ name, answered, refused: [...refused] }));
}
