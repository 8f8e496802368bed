import type { OperationCall } from "../service/state-machine.js";
import type { Call } from "../sim/services.js";
import type { Finding, Looked } from "./finding.js";
import type { HostSource } from "./host-globals.js";
import { wordsOfBytes } from "./words.js";

/** What one run of a service has come to, as all its replicas together show it. */
export interface Chronicle {
  finding: Finding | null;
  readonly looked: Looked;
  /** Whose handler has the thread. */
  running: { readonly kind: Call["kind"]; readonly name: string } | null;
  /** Asynchronous handlers that have not settled. */
  readonly pending: Set<{ readonly operation: string; readonly host: HostSource }>;
  /** By request: who executed it first, and what came of it. */
  readonly executed: Map<string, Executed>;
  /** Those whose state is kept, oldest first. */
  readonly withState: Executed[];
  /** The last operations, in the order in which they were first executed. */
  readonly lines: { readonly number: number; readonly words: string }[];
  /** The last one of each operation. */
  readonly inputs: Map<string, Uint8Array>;
  /** Told of the first finding. */
  onFinding(finding: Finding): void;
}

export interface Executed {
  readonly number: number;
  readonly place: string;
  readonly digest: number;
  readonly reply: number;
  readonly words: string;
  /** Null when it is large, or long ago. */
  state: Uint8Array | null;
}

export function createChronicle(onFinding: (finding: Finding) => void): Chronicle {
  return {
    finding: null,
    looked: { executed: 0, comparisons: 0, snapshots: 0, invariantChecks: 0 },
    running: null,
    pending: new Set(),
    executed: new Map(),
    withState: [],
    lines: [],
    inputs: new Map(),
    onFinding,
  };
}

const STATES_KEPT = 400;
const STATE_SIZE_BYTES_MAX = 64 * 1024;
const LINES_KEPT = 200;
const LINES_TOLD = 12;

/** Null: it is the first to execute this. Otherwise what came of it there. */
export function noteExecuted(
  chronicle: Chronicle,
  call: OperationCall,
  place: string,
  look: () => Pick<Executed, "digest" | "reply" | "words"> & { state(): Uint8Array },
): Executed | null {
  const { executed, looked, lines } = chronicle;
  const known = executed.get(call.requestKey);
  if (known !== undefined) return known;
  looked.executed += 1;
  const { digest, reply, words, state } = look();
  const bytes = call.settled ? state() : null;
  const number = looked.executed;
  const first: Executed = {
    number,
    place,
    digest,
    reply,
    words,
    state: bytes !== null && bytes.length <= STATE_SIZE_BYTES_MAX ? bytes : null,
  };
  executed.set(call.requestKey, first);
  if (first.state !== null && chronicle.withState.push(first) > STATES_KEPT) forgetOldest(chronicle);
  const input = wordsOfBytes(call.input);
  lines.push({ number, words: `${number} ${call.operation}${input === "" ? "" : ` ${input}`}${words === "" ? "" : ` -> ${words}`}` });
  if (lines.length > LINES_KEPT) lines.shift();
  return null;
}

function forgetOldest({ withState }: Chronicle): void {
  const oldest = withState.shift();
  if (oldest !== undefined) oldest.state = null;
}

/** The first one counts. `through`: the number of the operation that showed it; default: the last one. */
export function find(
  chronicle: Chronicle,
  kind: Finding["kind"],
  handler: Finding["handler"],
  text: string,
  through = Number.POSITIVE_INFINITY,
): void {
  if (chronicle.finding !== null) return;
  const lines = chronicle.lines.filter(({ number }) => number <= through).slice(-LINES_TOLD);
  const finding: Finding = { kind, handler, text, before: lines.map(({ words }) => words) };
  chronicle.finding = finding;
  chronicle.onFinding(finding);
}

/** What a handler asks of its machine that is not of this world: never done. */
export function findOutside(chronicle: Chronicle, what: string): never {
  const { running } = chronicle;
  const who = running === null ? "The service's module or its state()" : `The ${running.kind} ${running.name}`;
  find(chronicle, "outside", running, `${who} calls ${what}, which reaches outside the service.`);
  throw new Error(`${what} is not to be called in a simulation`);
}

/** Called when all promises that can settle by themselves have settled. */
export function findPending(chronicle: Chronicle): void {
  for (const { operation } of chronicle.pending)
    find(
      chronicle,
      "outside",
      { kind: "operation", name: operation },
      `The operation ${operation} waits for something that is neither a promise of its own nor its context.`,
    );
}
