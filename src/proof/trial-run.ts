import { encodeValue } from "../codec/value.js";
import { type AnyService, stylesOf } from "../service/define-service.js";
import { serviceMachine } from "../service/service-machine.js";
import { type Chance, createChance } from "../sim/chance.js";
import type { Call } from "../sim/services.js";
import type { Style } from "../vocabulary/style.js";
import { type Chronicle, createChronicle, find, findOutside, findPending } from "./chronicle.js";
import { drained } from "../sim/drained.js";
import type { Finding } from "./finding.js";
import { type HostSource, layHostGlobals, onHost, setHost } from "./host-globals.js";
import { nextCall, type NotRun, type Source, sourcesOf } from "./requests.js";
import type { Subject } from "./subject.js";
import { watchedMachine } from "./watched-machine.js";

/** What there is to a service, before it is run in the world. */
export interface Outline {
  readonly name: string;
  readonly styles: readonly Style[];
  readonly invariants: readonly string[];
  readonly operations: readonly string[];
  readonly queries: readonly string[];
  readonly notRun: readonly NotRun[];
  /** Something that makes all else vain. */
  readonly finding: Finding | null;
}

const CALLS = 400;

/**
 * Tries a service on one machine, without a world: whose handlers reach outside, or have no inputs to be tried with, is found out here, so that they
 * are not run a thousand times. `without`: not to be run, by the user's own word.
 */
export async function outlineOf(subject: Subject, without: readonly string[]): Promise<Outline> {
  const takeOff = layHostGlobals();
  try {
    const trial = createTrial(subject);
    const service = onHost(trial.host, subject.newService);
    const { sources, notRun } = sourcesOf(service);
    const wanted = sources.filter(({ name }) => !without.includes(name));
    const found = trial.chronicle.finding ?? compareFirstStates(trial) ?? (await tryAll(trial, wanted));
    return {
      name: service.name,
      styles: stylesOf(service),
      invariants: Object.keys(service.invariants ?? {}),
      operations: Object.keys(service.operations),
      queries: Object.keys(service.queries),
      notRun: [...notRun.filter(({ name }) => !without.includes(name)), ...trial.notRun],
      finding: found,
    };
  } finally {
    setHost(null);
    takeOff();
  }
}

interface Trial {
  readonly subject: Subject;
  chronicle: Chronicle;
  readonly host: HostSource;
  readonly otherHost: HostSource;
  readonly notRun: NotRun[];
}

function createTrial(subject: Subject): Trial {
  const trial: Trial = {
    subject,
    chronicle: createChronicle(() => {}),
    host: hostOf("first", 1_700_000_000_000, 1),
    otherHost: hostOf("second", 1_700_000_123_456, 2),
    notRun: [],
  };
  function hostOf(hostName: string, wallMs: number, pid: number): HostSource {
    let readings = 0;
    const now = (): number => wallMs + readings++;
    const reach = (what: string): never => findOutside(trial.chronicle, what);
    return { wallMs: now, monotonicMs: now, chance: createChance(1, hostName), pid, hostName, reach };
  }
  return trial;
}

function compareFirstStates({ subject, host, otherHost, chronicle }: Trial): Finding | null {
  const digestOn = (on: HostSource): number => onHost(on, () => serviceMachine(subject.newService()).digest());
  if (digestOn(host) !== digestOn(otherHost))
    find(chronicle, "disagree", null, "The function state() does not give the same first state on each replica.");
  const broken = onHost(host, () => serviceMachine(subject.newService()).brokenInvariants());
  if (broken.length > 0)
    find(
      chronicle,
      "invariant",
      null,
      `${broken.map((name) => JSON.stringify(name)).join(" and ")} does not hold of the first state already.`,
    );
  return chronicle.finding;
}

/** Many calls on one state; a handler that reaches outside is left out from there on. */
async function tryAll(trial: Trial, sources: readonly Source[]): Promise<Finding | null> {
  const chance = createChance(1, "trial");
  let left = sources;
  let machine = machineOf(trial);
  for (let ticket = 1; ticket <= CALLS && left.length > 0; ticket += 1) {
    const call = drawCall(trial, left, chance);
    if (call === null) return trial.chronicle.finding;
    await tryOne(machine, call, ticket, trial);
    const { finding } = trial.chronicle;
    if (finding === null) continue;
    if (finding.kind !== "outside" || finding.handler === null) return null;
    const { kind, name } = finding.handler;
    trial.notRun.push({ kind, name, why: finding.text });
    left = left.filter((source) => source.name !== name);
    trial.chronicle = createChronicle(() => {});
    machine = machineOf(trial);
  }
  return null;
}

function machineOf({ subject, chronicle, host }: Trial) {
  return watchedMachine({ chronicle, place: "trial", host, newService: subject.newService, makeMachine: serviceMachine });
}

function drawCall({ chronicle }: Trial, sources: readonly Source[], chance: Chance): Call | null {
  try {
    return nextCall(sources, chance);
  } catch (error) {
    find(chronicle, "examples", null, error instanceof Error ? error.message : String(error));
    return null;
  }
}

async function tryOne(
  machine: ReturnType<typeof machineOf>,
  { kind, name, input }: Call,
  ticket: number,
  { chronicle, host }: Trial,
): Promise<void> {
  const bytes = input === undefined ? new Uint8Array(0) : encodeValue(input);
  if (kind === "query") {
    machine.query(name, bytes, ticket);
    return;
  }
  const call = { ticket, requestKey: `trial:${ticket}`, operation: name, input: bytes, nowMs: ticket, seed: ticket, settled: false };
  const outcome = machine.execute(call);
  if (outcome instanceof Promise) {
    outcome.catch(() => {});
    setHost(host);
    await drained();
    setHost(null);
    findPending(chronicle);
    if (chronicle.finding !== null) return;
  }
  machine.release(ticket);
}

/** Those of `sources` that are to be run. */
export function runnable(service: AnyService, outline: Outline, without: readonly string[]): Source[] {
  const left = new Set([...outline.notRun.map(({ name }) => name), ...without]);
  return sourcesOf(service).sources.filter(({ name }) => !left.has(name));
}
