import { tryDecodeValue } from "../codec/value.js";
import { assert } from "../vocabulary/assert.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { Reply } from "../vocabulary/session.js";
import { createContext, type LogSource } from "./context.js";
import { type AnyService, checkService, stylesOf } from "./define-service.js";
import { withLogGlobals } from "./determinism/log-globals.js";
import { isDeeperThan } from "./depth.js";
import { FatalExecution, isExhaustion } from "./fatal.js";
import { DEPTH_MAX } from "./journal/admit.js";
import { captureState } from "./journal/capture.js";
import { applyRedo, beginScope, createJournal, endScope, redoOf, rollBack, settle } from "./journal/journal.js";
import { type Restore, startRestore } from "./journal/restore.js";
import { assertWhole, handleOf, type Journal, type Scope } from "./journal/scope.js";
import { checkCopies } from "./journal/given.js";
import { digestOf } from "./journal/state-digest.js";
import { refusal, refusedOutcome, replyOf, replyToThrow } from "./outcome.js";
import { ServiceRefusal } from "./refuse.js";
import { validate } from "./schema.js";
import type { OperationCall, OperationOutcome, StateMachine } from "./state-machine.js";

/** A handler with its types gone: state and input are checked by the journal and the schema. */
type Handler = (state: object, input: unknown, context: object) => unknown;

interface Machine {
  readonly service: AnyService;
  journal: Journal;
  /** Executions that may still be taken back, oldest first. */
  readonly unreleased: { readonly ticket: number; readonly scope: Scope }[];
  /** Of the asynchronous handler that runs. */
  running: Scope | null;
  restore: Restore | null;
}

/** Makes the state machine of a service. Throws when the definition or its first state is not sound. */
export function serviceMachine(service: AnyService): StateMachine {
  const problem = checkService(service);
  if (problem !== null) throw new TypeError(problem);
  const machine: Machine = { service, journal: firstState(service), unreleased: [], running: null, restore: null };
  return {
    name: service.name,
    styles: stylesOf(service),
    execute: (call) => execute(machine, call),
    abandon: (why) => abandon(machine, why),
    undoUnreleased: () => undoUnreleased(machine),
    release: (throughTicket) => release(machine, throughTicket),
    hasUnreleased: () => machine.unreleased.length > 0,
    applyUpdate: (redo) => applyUpdate(machine, redo),
    query: (query, input, nowMs) => answerQuery(machine, query, input, nowMs),
    capture: () => {
      assertQuiet(machine, "capture");
      return captureState(machine.journal);
    },
    reset: () => {
      assertQuiet(machine, "reset");
      machine.journal = firstState(service);
    },
    beginRestore: () => {
      assertQuiet(machine, "restore");
      // The state that was is let go of first: two of a gigabyte would not fit.
      machine.journal = firstState(service);
      machine.restore = startRestore();
    },
    restoreSlice: (slice) => runningRestore(machine).addSlice(slice),
    finishRestore: () => {
      machine.journal = runningRestore(machine).finish();
      machine.restore = null;
    },
    digest: () => digestOf(machine.journal.root),
    brokenInvariants: () => brokenInvariants(machine),
  };
}

/** Replicas make their first state by themselves, so it may know nothing that differs between them: time 0, a fixed seed. */
function firstState(service: AnyService): Journal {
  const source = createContext({ nowMs: 0, seed: 0, requestKey: service.name });
  return withLogGlobals(source, () => createJournal(service.state()));
}

function assertQuiet(machine: Machine, rule: string): void {
  assert(machine.running === null && machine.unreleased.length === 0, rule, () => "an operation runs or may still be taken back");
}

function runningRestore(machine: Machine): Restore {
  const { restore } = machine;
  assert(restore !== null, "restore", () => "no restore was begun");
  return restore;
}

function handlerOf(handlers: Readonly<Record<string, unknown>>, name: string): Handler | null {
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  return typeof handler === "function" ? (handler as Handler) : null;
}

type Input = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reply: Reply };

function readInput(service: AnyService, name: string, bytes: Uint8Array): Input {
  const decoded = bytes.length === 0 ? ({ ok: true, value: undefined } as const) : tryDecodeValue(bytes);
  // S9: how much the stack takes differs from call to call, so what exhausts it here is refused in the same words where it does not.
  const isTooDeep = decoded.ok ? bytes.length > DEPTH_MAX && isDeeperThan(decoded.value, DEPTH_MAX) : decoded.isTooDeep;
  if (isTooDeep) return { ok: false, reply: refusal("invalid-input", `the input is nested deeper than ${DEPTH_MAX}`) };
  if (!decoded.ok) return { ok: false, reply: refusal("invalid-input", decoded.reason) };
  const schema = service.inputs !== undefined && Object.hasOwn(service.inputs, name) ? service.inputs[name] : undefined;
  if (schema === undefined) return decoded;
  const checked = validate(schema, decoded.value);
  return checked.ok ? checked : { ok: false, reply: refusal("invalid-input", checked.reason) };
}

function execute(machine: Machine, call: OperationCall): OperationOutcome | Promise<OperationOutcome> {
  assert(machine.running === null, "one-at-a-time", () => `${call.operation} while another operation runs`);
  assert(!call.settled || machine.unreleased.length === 0, "S8", () => "a settled execution on top of one that may be taken back");
  const { service } = machine;
  const handler = handlerOf(service.operations, call.operation);
  if (handler === null)
    return refusedOutcome(refusal("unknown-operation", `service ${service.name} has no operation ${JSON.stringify(call.operation)}`));
  const source = createContext(call);
  const scope = beginScope(machine.journal, { writable: true, redo: !call.settled });
  const body = (): OperationOutcome | Promise<OperationOutcome> => run(machine, scope, call, handler, source);
  // S9: to the end, since what was returned or thrown may have getters, and they are the handler's code.
  return call.settled ? withLogGlobals(source, body) : body();
}

function run(
  machine: Machine,
  scope: Scope,
  call: OperationCall,
  handler: Handler,
  source: LogSource,
): OperationOutcome | Promise<OperationOutcome> {
  try {
    const input = readInput(machine.service, call.operation, call.input);
    if (!input.ok) return endRefused(scope, input.reply);
    const value = handler(handleOf(scope, machine.journal.root), input.value, contextOf(source));
    if (!isThenable(value)) return endWell(machine, scope, call, value);
    return call.settled ? refuseAsync(scope, call, value) : awaitHandler(machine, scope, call, value);
  } catch (error) {
    return endThrown(scope, call, error);
  }
}

function contextOf(source: LogSource): object {
  const { now, random, uuid } = source;
  return Object.freeze({ now, random, uuid });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** S9: what is awaited differs between replicas. The part that ran already is rolled back, what comes later meets dead handles. */
function refuseAsync(scope: Scope, call: OperationCall, promise: PromiseLike<unknown>): OperationOutcome {
  promise.then(undefined, () => {});
  const message = `operation ${call.operation} is asynchronous, which style active cannot run; make it synchronous, or use a passive style`;
  return endRefused(scope, refusal("async-operation", message));
}

async function awaitHandler(machine: Machine, scope: Scope, call: OperationCall, promise: PromiseLike<unknown>): Promise<OperationOutcome> {
  machine.running = scope;
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    // Given up meanwhile: the executor makes a note of it.
    if (scope.ended !== null) throw error;
    machine.running = null;
    return endThrown(scope, call, error);
  }
  if (scope.ended !== null) return refusedOutcome(refusal("refused", "given up"));
  machine.running = null;
  return endWell(machine, scope, call, value);
}

/** The handler returned: its result is copied while its handles live, and then they are dead. */
function endWell(machine: Machine, scope: Scope, call: OperationCall, value: unknown): OperationOutcome {
  try {
    const reply = replyOf(value);
    assertWhole(scope);
    checkCopies(scope);
    const redo = redoOf(scope);
    if (redo.length + reply.bytes.length > LIMITS.payloadSizeBytesMax)
      throw new ServiceRefusal(
        "too-large",
        `the operation changes ${redo.length} bytes of state; at most ${LIMITS.payloadSizeBytesMax} at once`,
      );
    endScope(scope, "has ended");
    if (call.settled) settle(scope);
    else machine.unreleased.push({ ticket: call.ticket, scope });
    return { reply, redo };
  } catch (error) {
    return endThrown(scope, call, error);
  }
}

function endThrown(scope: Scope, call: OperationCall, error: unknown): OperationOutcome {
  const outcome = endRefused(scope, replyToThrow(error));
  if (call.settled && isExhaustion(error))
    throw new FatalExecution(`operation ${call.operation} exhausted stack or memory: ${error instanceof Error ? error.message : ""}`, {
      cause: error,
    });
  return outcome;
}

function endRefused(scope: Scope, reply: Reply): OperationOutcome {
  endScope(scope, "has ended");
  rollBack(scope);
  return refusedOutcome(reply);
}

function abandon(machine: Machine, why: string): void {
  const scope = machine.running;
  if (scope === null) return;
  machine.running = null;
  endScope(scope, why);
  rollBack(scope);
}

function undoUnreleased(machine: Machine): void {
  assert(machine.running === null, "S2c", () => "an operation runs");
  for (let last = machine.unreleased.pop(); last !== undefined; last = machine.unreleased.pop()) rollBack(last.scope);
}

function release(machine: Machine, throughTicket: number): void {
  let count = 0;
  for (const { ticket, scope } of machine.unreleased) {
    if (ticket > throughTicket) break;
    settle(scope);
    count += 1;
  }
  machine.unreleased.splice(0, count);
}

function applyUpdate(machine: Machine, redo: Uint8Array): void {
  assertQuiet(machine, "apply-update");
  applyRedo(machine.journal, redo);
}

/** Runs on a handle that only reads. */
function readState<T>(machine: Machine, read: (state: object) => T): T {
  const scope = beginScope(machine.journal, { writable: false, redo: false });
  try {
    return read(handleOf(scope, machine.journal.root));
  } finally {
    endScope(scope, "has ended");
  }
}

function answerQuery(machine: Machine, query: string, bytes: Uint8Array, nowMs: number): Reply {
  const { service } = machine;
  const handler = handlerOf(service.queries, query);
  if (handler === null) return refusal("unknown-operation", `service ${service.name} has no query ${JSON.stringify(query)}`);
  try {
    const input = readInput(service, query, bytes);
    if (!input.ok) return input.reply;
    return readState(machine, (state) => {
      const value = handler(state, input.value, Object.freeze({ now: Math.floor(nowMs) }));
      if (!isThenable(value)) return replyOf(value);
      value.then(undefined, () => {});
      return refusal("async-query", `query ${query} is asynchronous; queries have to be synchronous`);
    });
  } catch (error) {
    return replyToThrow(error);
  }
}

function brokenInvariants(machine: Machine): readonly string[] {
  const checks = Object.entries(machine.service.invariants ?? {});
  return checks.filter(([, check]) => !holds(machine, check)).map(([name]) => name);
}

function holds(machine: Machine, check: (state: never) => boolean): boolean {
  try {
    return readState(machine, (state) => (check as (state: object) => boolean)(state));
  } catch {
    return false;
  }
}
