import type { Plan } from "../../src/sim/plan.js";
import { WORKLOADS, type WorkloadName } from "../../src/sim/services.js";

/** What is drawn more often than the swarm does; the rest is as the seed draws it. */
export type Focus = (plan: Plan) => Plan;

/** These faults and no others, each so often. */
export function struckBy(everyMs: number, ...kinds: readonly string[]): Focus {
  return (plan) => ({ ...plan, faults: kinds.map((kind) => ({ kind, everyMs })) });
}

export function ofSpec(spec: Partial<Plan["spec"]>): Focus {
  return (plan) => ({ ...plan, spec: { ...plan.spec, minimumReplicas: 1, ...spec } });
}

export function onHosts(hostCount: number): Focus {
  return (plan) => ({ ...plan, hostCount });
}

export function withSettings(settings: Partial<Plan["settings"]>): Focus {
  return (plan) => ({ ...plan, settings: { ...plan.settings, ...settings } });
}

export function withTimings(timings: Plan["timings"]): Focus {
  return (plan) => ({ ...plan, timings });
}

export function withBounds(bounds: Plan["bounds"]): Focus {
  return (plan) => ({ ...plan, bounds });
}

export function busy(clientCount: number, threadsPerClient: number, thinkMs: number): Focus {
  return (plan) => ({ ...plan, clientCount, threadsPerClient, thinkMs });
}

export function serving(workload: WorkloadName): Focus {
  const { service } = WORKLOADS[workload];
  return (plan) => ({ ...plan, workload, service, spec: { ...plan.spec, service: { ...plan.spec.service, name: workload } } });
}

export function all(...parts: readonly Focus[]): Focus {
  return (plan) => parts.reduce((made, part) => part(made), plan);
}

export function stormFor(ms: number): Focus {
  return (plan) => ({ ...plan, stormUntilMs: plan.stormFromMs + ms });
}

export const readWeakly: Focus = (plan) => ({ ...plan, weakReads: true });
