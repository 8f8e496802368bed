import { crc32 } from "../codec/checksum.js";
import { decodeValue, encodeValue } from "../codec/value.js";
import type { AnyService, OperationsOf, QueriesOf } from "../service/define-service.js";
import { serviceMachine } from "../service/service-machine.js";
import type { OperationCall, StateMachine } from "../service/state-machine.js";
import type { Reply } from "../vocabulary/session.js";

/** What went wrong between replicas, in the words of whoever wrote the service. */
export class TrialFailure extends Error {
  override readonly name = "TrialFailure";
}

/** The service refused: `code` as it gave it. */
export class TrialRefusal extends Error {
  override readonly name = "TrialRefusal";
  readonly code: string;
  readonly details: unknown;

  constructor(code: string, message: string, details: unknown) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

type Call<F> = F extends (...input: infer Input) => infer Result ? (...input: Input) => Promise<Awaited<Result>> : never;

export interface ServiceTrial<S> {
  readonly operations: { readonly [Name in keyof OperationsOf<S>]: Call<OperationsOf<S>[Name]> };
  readonly queries: { readonly [Name in keyof QueriesOf<S>]: Call<QueriesOf<S>[Name]> };
}

export interface TrialOptions {
  /** The wall clock that handlers see, advanced by `stepMs` with each operation. Default 0 and 1. */
  readonly startMs?: number;
  readonly stepMs?: number;
}

/**
 * Runs a service in this process, without a network, the way replicas run it: each operation on a primary, its state update on a backup,
 * and, where the service declares the active style, the operation itself on two more replicas. After each operation the states of the first
 * two are compared, and states and answers of the others (they see the log's clock and chance, the primary the machine's); a snapshot is
 * restored, and the service's invariants are checked; what differs is reported by name. For unit tests of services.
 */
export function trialOf<S>(service: S & AnyService, options: TrialOptions = {}): ServiceTrial<S> {
  const trial = createTrial(service, options);
  const names = (of: Readonly<Record<string, unknown>>) => Object.keys(of);
  const operations = Object.fromEntries(names(service.operations).map((name) => [name, (input: unknown) => trial.operate(name, input)]));
  const queries = Object.fromEntries(names(service.queries).map((name) => [name, (input: unknown) => trial.ask(name, input)]));
  // The names come from the service itself; only their types are lost on the way.
  return { operations, queries } as unknown as ServiceTrial<S>;
}

function createTrial(service: AnyService, options: TrialOptions) {
  const primary = serviceMachine(service);
  const backup = serviceMachine(service);
  const active = primary.styles.includes("active") ? ([serviceMachine(service), serviceMachine(service)] as const) : null;
  const { startMs = 0, stepMs = 1 } = options;
  for (const [name, value] of Object.entries({ startMs, stepMs }))
    if (!Number.isFinite(value)) throw new RangeError(`${name} has to be a number of milliseconds, not ${value}.`);
  let ticket = 0;
  let nowMs = startMs;

  async function operate(operation: string, input: unknown): Promise<unknown> {
    ticket += 1;
    nowMs += stepMs;
    const call = { ticket, requestKey: `trial:${ticket}`, operation, input: encodeInput(input), nowMs, seed: ticket };
    const outcome = await primary.execute({ ...call, settled: false });
    primary.release(ticket);
    backup.applyUpdate(outcome.redo);
    compare("the primary and a backup that applied its state update", operation, primary, backup);
    if (active !== null) await compareActive(active, { ...call, settled: true });
    compare("the primary and a replica restored from a snapshot", operation, primary, restoredFrom(service, primary));
    const broken = primary.brokenInvariants();
    if (broken.length > 0)
      throw new TrialFailure(`After ${operation} (call ${ticket}) these invariants do not hold: ${broken.join(", ")}.`);
    return resultOf(outcome.reply);
  }

  async function compareActive([one, other]: readonly [StateMachine, StateMachine], call: OperationCall): Promise<void> {
    const { reply } = await one.execute(call);
    const { reply: otherReply } = await other.execute(call);
    const who = "two replicas that executed it in active style";
    compare(who, call.operation, one, other);
    if (reply.refused !== otherReply.refused || crc32(reply.bytes) !== crc32(otherReply.bytes))
      throw failure(`${who} do not give the same answer`, call.operation);
  }

  function compare(who: string, operation: string, left: StateMachine, right: StateMachine): void {
    if (left.digest() !== right.digest()) throw failure(`${who} do not agree`, operation);
  }

  function failure(what: string, operation: string): TrialFailure {
    return new TrialFailure(
      `After ${operation} (call ${ticket}) ${what}: the handler depends on something that is not in its state, its input or its context.`,
    );
  }

  return { operate, ask: async (query: string, input: unknown) => resultOf(primary.query(query, encodeInput(input), nowMs)) };
}

const NOTHING = new Uint8Array(0);

function encodeInput(input: unknown): Uint8Array {
  return input === undefined ? NOTHING : encodeValue(input);
}

function restoredFrom(service: AnyService, machine: StateMachine): StateMachine {
  const copy = serviceMachine(service);
  const capture = machine.capture();
  copy.beginRestore();
  for (let slice = capture.next(); slice !== null; slice = capture.next()) copy.restoreSlice(slice);
  capture.close();
  copy.finishRestore();
  return copy;
}

function resultOf(reply: Reply): unknown {
  const value = decodeValue(reply.bytes);
  if (!reply.refused) return value;
  const { code, message, details } = value as { code: string; message: string; details?: unknown };
  throw new TrialRefusal(code, message, details);
}
