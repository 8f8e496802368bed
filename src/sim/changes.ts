import type { AdminCommand, SettingsCommand } from "../vocabulary/admin.js";
import type { ControlContent } from "../rm/core/content.js";
import type { Chance } from "./chance.js";
import type { Installation } from "./installation.js";
import { mark, note, violate, type World } from "./world.js";

/** What a person asks of a running system. */
export function administer({ rm, world }: Installation, command: AdminCommand): boolean {
  if (rm === null) return false;
  note(world, "admin", command.kind, () => JSON.stringify(command));
  rm.administer(command);
  return true;
}

export function changeOne(installation: Installation, chance: Chance): boolean {
  const { plan } = installation;
  const { group } = plan.spec;
  const draw = chance.integer(0, 4);
  if (draw === 0) return administer(installation, { kind: "set-group", group, change: { style: chance.pick(plan.spec.service.styles) } });
  if (draw === 1) return administer(installation, { kind: "set-group", group, change: { replicas: chance.integer(1, 7) } });
  if (draw === 2)
    return administer(installation, { kind: "set-group", group, change: { checkpointEntries: chance.pick([10, 50, 1_000]) } });
  if (draw === 3) return administer(installation, { kind: "set-group", group, change: { quorum: chance.pick(["majority", "all"]) } });
  const suspicionTimeoutMs = chance.pick([100, 150, 400]);
  return administer(installation, {
    kind: "set-detector",
    detector: chance.pick(["lfd", "gfd"]),
    knobs: { heartbeatIntervalMs: chance.pick([20, 40]), suspicionTimeoutMs },
  });
}

/** Of a change that has a part which cannot be: nothing else in a run sets so many. */
const NEVER_ENTRIES = 11;

/** Several settings in one change, of the group twice and of both detectors; now and then with a last part that cannot be. */
export function changeMany(installation: Installation, chance: Chance): boolean {
  const { spec } = installation.plan;
  const { group } = spec;
  const isBroken = chance.happens(0.3);
  if (isBroken) mark(installation.world, "broken-change-of-many");
  const replicas = chance.integer(2, 6);
  const parts: SettingsCommand[] = [
    { kind: "set-group", group, change: { style: chance.pick(spec.service.styles), quorum: chance.pick(["majority", "all"]) } },
    { kind: "set-group", group, change: { replicas, minimumReplicas: Math.min(replicas, spec.minimumReplicas + chance.integer(0, 1)) } },
    { kind: "set-detector", detector: "lfd", knobs: { suspicionTimeoutMs: chance.pick([100, 150, 400]) } },
    { kind: "set-detector", detector: "gfd", knobs: { suspicionTimeoutMs: isBroken ? 1 : chance.pick([200, 500]) } },
  ];
  if (isBroken) parts.unshift({ kind: "set-group", group, change: { checkpointEntries: NEVER_ENTRIES } });
  return administer(installation, { kind: "set-all", parts });
}

/** DESIGN section 11: of several settings changed at once all are, or none. */
export function checkSettings(world: World, { groups }: ControlContent): void {
  if (groups.some(({ spec }) => spec.checkpointEntries === NEVER_ENTRIES))
    violate(world, "section 11", "of several settings one could not be, and another was changed");
}
