import { crc32 } from "../codec/checksum.js";
import { decodeValue } from "../codec/value.js";
import type { AnyService } from "../service/define-service.js";
import { FatalExecution } from "../service/fatal.js";
import type { OperationCall, OperationOutcome, StateMachine } from "../service/state-machine.js";
import { type Chronicle, type Executed, find, noteExecuted } from "./chronicle.js";
import type { Finding } from "./finding.js";
import { type HostSource, onHost } from "./host-globals.js";
import { firstDifference, wordsOfBytes } from "./words.js";

/** Not a name that a service would choose. */
const STATE_QUERY = "troupe0wholeState";
const NOTHING = new Uint8Array(0);
const SNAPSHOT_EVERY = 10;

export interface MachineOptions {
  readonly chronicle: Chronicle;
  /** Of the server process. */
  readonly place: string;
  readonly host: HostSource;
  newService(): AnyService;
  makeMachine(service: AnyService): StateMachine;
}

/**
 * The state machine of one server process, with eyes on it: after each operation its state and answer are compared with those of whoever
 * executed the same before, invariants are checked, and now and then a snapshot is restored beside it.
 */
export function watchedMachine(options: MachineOptions): StateMachine {
  const { chronicle, place, host, makeMachine } = options;
  const service = onHost(host, () => withStateQuery(options.newService()));
  const inner = onHost(host, () => makeMachine(service));
  let isCapturing = false;
  let changes = 0;

  function onExecuted(call: OperationCall, outcome: OperationOutcome): OperationOutcome {
    chronicle.running = null;
    const { refused, bytes } = outcome.reply;
    const known = noteExecuted(chronicle, call, place, () => ({
      digest: call.settled ? inner.digest() : 0,
      reply: crc32(bytes, refused ? 1 : 0),
      words: answerWords(outcome),
      state: () => stateOf(inner),
    }));
    if (known !== null && call.settled) compare(call, outcome, known);
    onChanged(call.operation);
    return outcome;
  }

  function compare(call: OperationCall, outcome: OperationOutcome, known: Executed): void {
    const other = known.place === place ? `${place} before its restart` : known.place;
    chronicle.looked.comparisons += 1;
    const { refused, bytes } = outcome.reply;
    const which = `After ${callWords(call.operation, call.input)} (operation ${known.number} of the run)`;
    const who = operationNamed(call.operation);
    if (known.digest !== inner.digest())
      find(chronicle, "disagree", who, `${which} the state of ${place} is not that of ${other}.${placeWords(known, other)}`, known.number);
    else if (known.reply !== crc32(bytes, refused ? 1 : 0))
      find(chronicle, "disagree", who, `${which} ${place} answers ${answerWords(outcome)}, and ${other} ${known.words}.`, known.number);
  }

  /** Where in the state, if the other's is still known. */
  function placeWords(known: Executed, other: string): string {
    const where = known.state === null ? null : firstDifference(decodeValue(known.state), decodeValue(stateOf(inner)));
    if (where === null) return "";
    const { path, left, right } = where;
    return `\n  ${path} is ${left} on ${other}\n  ${" ".repeat(path.length)}    ${right} on ${place}`;
  }

  function onChanged(operation: string | null): void {
    checkInvariants(operation);
    changes += 1;
    if (changes % SNAPSHOT_EVERY === 0 && !isCapturing && !inner.hasUnreleased()) checkSnapshot(operation);
  }

  function checkInvariants(operation: string | null): void {
    const count = Object.keys(service.invariants ?? {}).length;
    if (count === 0) return;
    chronicle.looked.invariantChecks += count;
    const broken = onHost(host, () => inner.brokenInvariants());
    if (broken.length === 0) return;
    const input = operation === null ? undefined : chronicle.inputs.get(operation);
    const after = operation === null ? "After a state update" : `After ${callWords(operation, input)}`;
    find(
      chronicle,
      "invariant",
      operationNamed(operation),
      `${after} on ${place}: ${broken.map((name) => JSON.stringify(name)).join(" and ")} does not hold.`,
    );
  }

  /** Restored from its own snapshot a replica has to be what it was, iteration order included. */
  function checkSnapshot(operation: string | null): void {
    chronicle.looked.snapshots += 1;
    const copy = onHost(host, () => makeMachine(service));
    const capture = inner.capture();
    copy.beginRestore();
    for (let slice = capture.next(); slice !== null; slice = capture.next()) copy.restoreSlice(slice);
    capture.close();
    copy.finishRestore();
    if (copy.digest() === inner.digest()) return;
    const where = firstDifference(decodeValue(stateOf(inner)), decodeValue(stateOf(copy)));
    const detail = where === null ? "" : `: ${where.path} was ${where.left} and became ${where.right}`;
    find(chronicle, "snapshot", operationNamed(operation), `A snapshot of ${place} restores to another state${detail}.`);
  }

  function execute(call: OperationCall): OperationOutcome | Promise<OperationOutcome> {
    chronicle.running = { kind: "operation", name: call.operation };
    chronicle.inputs.set(call.operation, call.input);
    const outcome = guarded(call.operation, () => onHost(host, () => inner.execute(call)));
    if (!(outcome instanceof Promise)) return onExecuted(call, outcome);
    const pending = { operation: call.operation, host };
    chronicle.pending.add(pending);
    return outcome.then((late) => {
      chronicle.pending.delete(pending);
      return onExecuted(call, late);
    });
  }

  function guarded<T>(operation: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof FatalExecution) find(chronicle, "exhausted", operationNamed(operation), error.message);
      throw error;
    }
  }

  return {
    ...inner,
    execute,
    applyUpdate(redo) {
      inner.applyUpdate(redo);
      onChanged(null);
    },
    query(query, input, nowMs) {
      chronicle.running = { kind: "query", name: query };
      const reply = onHost(host, () => inner.query(query, input, nowMs));
      chronicle.running = null;
      return reply;
    },
    capture() {
      const capture = inner.capture();
      isCapturing = true;
      return {
        next: (room) => capture.next(room),
        close() {
          isCapturing = false;
          capture.close();
        },
      };
    },
    // The watch above has its own words for these; a second report would come first at some indexes.
    brokenInvariants: () => [],
  };
}

function callWords(operation: string, input: Uint8Array = NOTHING): string {
  return `${operation} ${wordsOfBytes(input)}`.trimEnd();
}

function answerWords({ reply: { refused, bytes } }: OperationOutcome): string {
  return refused ? `refused: ${wordsOfBytes(bytes)}` : wordsOfBytes(bytes);
}

function operationNamed(name: string | null): Finding["handler"] {
  return name === null ? null : { kind: "operation", name };
}

function withStateQuery(service: AnyService): AnyService {
  return { ...service, queries: { ...service.queries, [STATE_QUERY]: (state: object) => state } };
}

function stateOf(machine: StateMachine): Uint8Array {
  return machine.query(STATE_QUERY, NOTHING, 0).bytes;
}
