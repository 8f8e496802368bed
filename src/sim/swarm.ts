import { groupName } from "../vocabulary/ids.js";
import { isPassive, STYLES, type Style } from "../vocabulary/style.js";
import { type Chance, createChance } from "./chance.js";
import { FAULTS } from "./faults.js";
import type { Plan } from "./plan.js";
import { WORKLOADS, type WorkloadName } from "./services.js";
import { SLOW_HANDLER_TIMEOUT_MS, SLOW_STYLES } from "./slow-service.js";

const WORKLOAD_NAMES = ["register", "counter", "bank", "append-list", "set"] as const satisfies readonly WorkloadName[];

/** Each seed draws its own mix of everything (swarm testing: Groce et al., ISSTA 2012): what is always there hides what happens without it. */
export function drawPlan(seed: number): Plan {
  const plan = drawQuickPlan(seed);
  // Drawn elsewhere, so that the seeds without them are what they were before there were any.
  return createChance(seed, "slow-handlers").happens(0.1) ? withSlowHandlers(plan) : plan;
}

/** With handlers that end at once, as far as they are the simulator's own. */
export function drawQuickPlan(seed: number): Plan {
  const chance = createChance(seed, "plan");
  const workload = chance.pick(WORKLOAD_NAMES);
  const durability = chance.happens(0.8) ? "disk" : "memory";
  const replicas = chance.pick([1, 2, 2, 3, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7]);
  const { service } = WORKLOADS[workload];
  const stormFromMs = 800;
  const clientCount = chance.integer(1, 4);
  const threadsPerClient = chance.pick([1, 2, 4]);
  const codec = chance.happens(0.3);
  // Drawn elsewhere, so that the seeds without it are what they were before there was such a style.
  const cold = durability === "disk" && createChance(seed, "style").happens(0.3);
  return {
    settings: {
      codec,
      delayMinMs: 0.05,
      delayMaxMs: chance.pick([0.3, 2, 10]),
      tailProbability: chance.pick([0, 0.01, 0.1]),
      tailMs: chance.pick([5, 50]),
      replayProbability: chance.pick([0, 0, 0.01, 0.05]),
      diskMinMs: 0.2,
      diskMaxMs: chance.pick([1, 5, 20]),
      wallDriftMax: drawWallDrift(seed),
    },
    hostCount: chance.pick([1, 3, 3, 5]),
    hostsNamed: createChance(seed, "named-hosts").happens(0.1),
    spec: {
      group: groupName(workload),
      service: { name: workload, hash: "0".repeat(64), path: "/service.mjs", styles: STYLES },
      style: orCold(cold, chance.pick(["active", "warm-passive"])),
      replicas,
      minimumReplicas: durability === "memory" && replicas > 1 ? 2 : 1,
      quorum: chance.pick(["majority", "majority", "all"]),
      durability,
      checkpointEntries: chance.pick([20, 100, 10_000]),
      handlerTimeoutMs: 5_000,
      onLoss: "wait",
    },
    service,
    workload,
    slowHandlers: false,
    lfdKnobs: { heartbeatIntervalMs: chance.pick([20, 40]), suspicionTimeoutMs: chance.pick([100, 150, 400]) },
    gfdKnobs: { heartbeatIntervalMs: 50, suspicionTimeoutMs: chance.pick([200, 500]) },
    timings: drawTimings(seed),
    bounds: drawBounds(chance),
    segmentSizeBytes: chance.pick([4_096, 16_384, 65_536]),
    sliceSizeBytes: chance.pick([512, 4_096]),
    clientCount,
    threadsPerClient,
    // About the same load from few threads as from many: enough for a run to count, not more than it takes.
    thinkMs: (chance.pick([5, 12]) * clientCount * threadsPerClient) / 3,
    requestTimeoutMs: chance.pick([300, 2_000, 10_000]),
    // Drawn elsewhere, as the style is: the seeds without them are what they were.
    weakReads: createChance(seed, "weak-reads").happens(0.4),
    storeUnknownProbability: chance.pick([0, 0, 0.1]),
    faults: [...drawFaults(chance), ...drawLaterFaults(seed, codec)],
    strikes: null,
    stormFromMs,
    stormUntilMs: stormFromMs + chance.integer(3_000, 7_000),
  };
}

/** Only a primary can run them: style active is not for such a service. */
export function withSlowHandlers(plan: Plan): Plan {
  const service = { ...plan.spec.service, styles: SLOW_STYLES };
  const style = isPassive(plan.spec.style) ? plan.spec.style : "warm-passive";
  return { ...plan, slowHandlers: true, spec: { ...plan.spec, service, style, handlerTimeoutMs: SLOW_HANDLER_TIMEOUT_MS } };
}

function orCold(cold: boolean, style: Style): Style {
  return cold ? "cold-passive" : style;
}

/** Of requests with a key, copies may come so long after the first: later, and it counts as new (S6g). */
const KEY_EXPIRY_MS = 15_000;

/** Nothing expires in the seconds of a run, otherwise. Drawn elsewhere, as the style is: the seeds without it are what they were. */
function drawTimings(seed: number): Plan["timings"] {
  const chance = createChance(seed, "expiry");
  return chance.happens(0.15) ? { sessionExpiryMs: chance.pick([300, 700, 1_500]), keyExpiryMs: KEY_EXPIRY_MS } : {};
}

/** A time server slews a clock by little; a virtual machine's can be off by much. Drawn elsewhere, as the style is. */
function drawWallDrift(seed: number): number {
  const chance = createChance(seed, "wall-skew");
  return chance.happens(0.12) ? chance.pick([0.01, 0.1, 0.9]) : 0;
}

/** Small bounds bring rare moments about often. */
function drawBounds(chance: Chance): Plan["bounds"] {
  if (chance.happens(0.5)) return {};
  return {
    appendEntriesMax: chance.pick([1, 2, 8]),
    windowEntries: chance.pick([2, 16]),
    sliceBytes: chance.pick([64, 512]),
    sliceWindow: chance.pick([1, 3]),
    entriesBehindSnapshotMax: chance.pick([0, 5, 50]),
    admissionBoundEntries: chance.pick([4, 64]),
    executionsAheadMax: chance.pick([1, 4]),
    applyAheadMax: chance.pick([1, 8]),
  };
}

/** Faults that came later than the others. Drawn elsewhere, as the style is: the seeds without them are what they were. */
const LATER_FAULTS: Readonly<Record<string, { readonly share: number; readonly everyMs: readonly [number, number] }>> = {
  "last-words": { share: 0.15, everyMs: [400, 1_500] },
  "change-many": { share: 0.1, everyMs: [300, 1_500] },
  "disk-hang": { share: 0.15, everyMs: [1_000, 4_000] },
  "pair-of-hosts-cut": { share: 0.12, everyMs: [300, 1_500] },
  "core-dies-mid-turn": { share: 0.12, everyMs: [300, 1_500] },
  "pause-in-a-turn": { share: 0.12, everyMs: [300, 1_500] },
  "time-leap": { share: 0.12, everyMs: [300, 1_500] },
  "every-link-severed": { share: 0.12, everyMs: [1_500, 4_000] },
  "file-lost": { share: 0.1, everyMs: [800, 3_000] },
  "file-cut": { share: 0.1, everyMs: [800, 3_000] },
  "entry-damaged": { share: 0.2, everyMs: [300, 1_500] },
};

function drawLaterFaults(seed: number, codec: boolean): Plan["faults"] {
  return Object.entries(LATER_FAULTS).flatMap(([kind, { share, everyMs }]) => {
    // Where there are no bytes there are none to be damaged: such a seed is what it was.
    if (kind === "entry-damaged" && !codec) return [];
    const chance = createChance(seed, kind);
    return chance.happens(share) ? [{ kind, everyMs: chance.between(...everyMs) }] : [];
  });
}

function drawFaults(chance: Chance): Plan["faults"] {
  const share = chance.pick([0.15, 0.3, 0.6]);
  const chosen = Object.keys(FAULTS).filter((kind) => !(kind in LATER_FAULTS) && chance.happens(share));
  const kinds = chosen.length >= 3 ? chosen : [...new Set([...chosen, "kill-server", "connection-reset", "pause-server"])];
  // The more kinds, the further apart each.
  const everyMs = chance.pick([150, 400, 1_000]) * Math.max(1, kinds.length / 3);
  return kinds.map((kind) => ({ kind, everyMs: everyMs * chance.between(0.5, 1.5) }));
}
