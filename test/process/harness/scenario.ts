import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SettingsInput } from "../../../src/config/schema.js";
import { changeStyle, type Installation, PROJECT, type Style, startInstallation, statusOf, untilWhole } from "./installation.js";
import { judge, sizeOf } from "./judgement.js";
import type { DiskPlan } from "./mounted-disk.js";
import type { Struck } from "./process-table.js";
import { untilReplicasAgree } from "./witness.js";
import { type Complaint, startWorkload, type Workload, type WorkloadOptions } from "./workload.js";

/** What a scenario is given: a running installation and clients at work. */
export interface Trial {
  readonly at: Installation;
  readonly style: Style;
  readonly load: Workload;
  /** Notes that a fault was seen from outside to have struck. A scenario that notes none fails. */
  struck(...faults: readonly Struck[]): void;
  /** A figure for the report, such as a time in ms. */
  figure(name: string, value: number): void;
}

export interface Scenario {
  readonly name: string;
  /** Read by people who look at the table. */
  readonly what: string;
  readonly load?: WorkloadOptions;
  /** Settings other than the defaults. Scenarios of one file with the same settings share an installation. */
  readonly settings?: SettingsInput;
  /** What its data lie on, where that is not the machine's own disk: takes root. */
  readonly disks?: DiskPlan;
  /** It needs an installation that nobody has used before, and nobody uses it after. */
  readonly alone?: boolean;
  /** Which failures clients may see. Default: none. */
  readonly allows?: (complaint: Complaint) => boolean;
  /** Why it is not among the tests of `npm test`; it can still be run by its name. */
  readonly leftOut?: string;
  run(trial: Trial): Promise<void>;
}

/**
 * For scenarios in which nothing may be suspected: on a machine as busy as this one a healthy server may not run for longer than the usual
 * time-out, and what that does is tried elsewhere.
 */
export const STEADY: SettingsInput = {
  killGraceMs: 60_000,
  detectors: { lfd: { heartbeatIntervalMs: 20, suspicionTimeoutMs: 1_000 } },
};

/**
 * For scenarios that share an installation and kill replicas again and again: one that comes back executes its log anew from the last
 * checkpoint on, and with the usual 10,000 entries it would be back ever later.
 */
export const SHORT_LOG: SettingsInput = { checkpointEntries: 1_000 };

export interface ScenarioReport {
  readonly operations: number;
  /** The longest time that clients of the Troupe protocol waited around each fault. */
  readonly gapsMs: readonly number[];
  readonly figures: Readonly<Record<string, number>>;
}

const WARM_UP_ANSWERS = 5;
const PROGRESS_DEADLINE_MS = 30_000;
/** After a fault the gap is looked for in this time. */
const GAP_WINDOW_MS = 30_000;

/** Installations of one file, by style and settings: started when first needed, kept while nothing goes wrong on them. */
export interface Stable {
  take(style: Style, scenario: Scenario): Promise<Installation>;
  giveBack(installation: Installation, scenario: Scenario, failed: boolean): Promise<void>;
  close(): Promise<void>;
}

export function createStable(): Stable {
  const kept = new Map<string, Installation>();
  const lent = new Set<Installation>();
  const keyOf = (style: Style, scenario: Scenario): string => JSON.stringify([style, scenario.settings ?? null, scenario.disks ?? null]);
  const styles = new Map<Installation, Style>();
  return {
    async take(style, scenario) {
      const known = scenario.alone === true ? undefined : kept.get(keyOf(style, scenario));
      if (known !== undefined) return known;
      // Only one style at a time: two cores carry one installation well.
      await closeAll(kept);
      const { settings, disks } = scenario;
      const installation = await startInstallation({
        style,
        ...(settings === undefined ? {} : { settings }),
        ...(disks === undefined ? {} : { disks }),
      });
      styles.set(installation, style);
      if (scenario.alone === true) lent.add(installation);
      if (scenario.alone !== true) kept.set(keyOf(style, scenario), installation);
      return installation;
    },
    async giveBack(installation, scenario, failed) {
      if (!failed && scenario.alone !== true) return;
      const style = styles.get(installation) ?? "active";
      kept.delete(keyOf(style, scenario));
      lent.delete(installation);
      await installation.dispose(false);
    },
    async close() {
      for (const installation of lent) await installation.dispose(false);
      await closeAll(kept);
    },
  };
}

async function closeAll(kept: Map<string, Installation>): Promise<void> {
  for (const installation of kept.values()) await installation.dispose(false);
  kept.clear();
}

/** Runs one scenario in one style: clients at work, the fault, progress again, the wanted replicas restored, and what clients saw judged. */
export async function runScenario(stable: Stable, scenario: Scenario, style: Style): Promise<ScenarioReport> {
  const at = await stable.take(style, scenario);
  const faults: Struck[] = [];
  const figures: Record<string, number> = {};
  let failed = true;
  let load: Workload | null = null;
  try {
    await untilWhole(at);
    load = await startWorkload(at, scenario.load);
    await load.untilProgress(WARM_UP_ANSWERS, PROGRESS_DEADLINE_MS);
    await scenario.run({
      at,
      style,
      load,
      struck: (...struck) => void faults.push(...struck),
      figure: (name, value) => {
        figures[name] = value;
      },
    });
    load.ease();
    await load.untilProgress(WARM_UP_ANSWERS, PROGRESS_DEADLINE_MS);
    await untilWhole(at);
    const gapsMs = gapsOf(load, faults);
    const histories = await load.finish();
    await untilStatesAgree(at, style);
    const complaints = load.complaints.filter((complaint) => scenario.allows?.(complaint) !== true);
    const problems = [...(faults.length === 0 ? ["no fault has struck"] : []), ...complaints.map(complaintText), ...judge(histories)];
    if (problems.length > 0) throw new Error(problems.slice(0, 20).join("\n"));
    failed = false;
    return { operations: sizeOf(histories), gapsMs, figures };
  } catch (error) {
    const kept = await keepForALook(at, scenario, style);
    throw new Error(`${scenario.name} in ${style} style: ${error instanceof Error ? error.message : String(error)}\nLogs are in ${kept}`, {
      cause: error,
    });
  } finally {
    if (failed) await load?.finish().catch(() => {});
    await stable.giveBack(at, scenario, failed);
  }
}

/** Waits in the midst of a scenario until the group is whole, before the next fault strikes clients at full pace again. */
export async function untilWholeAgain({ at, load }: Trial): Promise<void> {
  load.ease();
  await untilWhole(at);
  load.press();
}

/** What a cold backup stores comes to the same state as the others': it has to take it up for that. */
async function untilStatesAgree(at: Installation, style: Style): Promise<void> {
  if (style === "cold-passive") await changeStyle(at, "warm-passive");
  const { members } = await untilWhole(at);
  await untilReplicasAgree(
    at,
    members.map(({ replica }) => replica),
  );
  if (style === "cold-passive") await changeStyle(at, style);
}

/** Faults that struck together have one gap. */
function gapsOf(load: Workload, faults: readonly Struck[]): number[] {
  const moments = [...new Set(faults.map(({ atMs }) => atMs))].sort((a, b) => a - b);
  return moments.map((atMs, i) => load.longestGapMs(atMs, Math.min(moments[i + 1] ?? Number.POSITIVE_INFINITY, atMs + GAP_WINDOW_MS)));
}

function complaintText({ client, operation, answer }: Complaint): string {
  return `${client}: ${operation}: ${answer.outcome}: ${answer.code}: ${answer.message ?? ""}`;
}

/** Copies what tells what happened out of a folder that is about to be removed. */
async function keepForALook(at: Installation, scenario: Scenario, style: Style): Promise<string> {
  const target = join(PROJECT, ".cache", "faults", `${scenario.name}-${style}-${Date.now()}`);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "status.json"), JSON.stringify(await statusOf(at), null, 2));
  for (const name of ["data/logs", "data/rm", "up.out", "up.err"]) {
    try {
      cpSync(join(at.folder, name), join(target, name), { recursive: true });
    } catch {
      // It was not there yet.
    }
  }
  return target;
}
