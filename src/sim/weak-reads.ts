import type { CallOutcome } from "../client/core/effect.js";
import { encodeValue } from "../codec/value.js";
import type { Consistency } from "../vocabulary/message-client.js";
import type { SessionId } from "../vocabulary/ids.js";
import type { Reply } from "../vocabulary/session.js";
import { shortText } from "./driver.js";
import type { Plan } from "./plan.js";
import { type Call, WORKLOADS } from "./services.js";
import type { RunningClient } from "./shells/client-shell.js";
import { after, isAlive, mark, note, type SimProcess, violate, type World } from "./world.js";

export type WeakConsistency = Exclude<Consistency, "linearizable">;

/** A read that asked for less than linearizability, and what it was told: the state at `index` has to give this reply. */
export interface WeakRead {
  readonly client: string;
  readonly consistency: WeakConsistency;
  readonly call: Call;
  readonly input: Uint8Array;
  readonly index: number;
  readonly reply: Reply;
}

/** One life of a client that makes such reads. */
export interface WeakReader {
  readonly name: string;
  readonly process: SimProcess;
  readonly client: RunningClient;
  /** The highest index that any answer to this life of the client has named so far. */
  seenIndex: number;
  /** What earlier lives were told of, for as long as this one goes on with their session. */
  inherited: { readonly session: SessionId | null; readonly index: number };
}

/** What of the clients of a run matters to a thread. */
interface Progress {
  openCount: number;
  readonly stopping: boolean;
  readonly leisure: number;
}

/** The guarantee is of one session; `any` is for those who need none. */
const SESSION_SHARE = 0.7;
const INPUT_NONE = new Uint8Array(0);

/** A thread that makes such reads beside what the others of its client do. Its draws are its own: the others ask for what they would without it. */
export function runWeakReader(world: World, plan: Plan, progress: Progress, reader: WeakReader, reads: WeakRead[]): void {
  const { weak } = world.chance;
  const { process } = reader;
  let isOpen = false;
  process.atDeath.push(() => {
    if (isOpen) progress.openCount -= 1;
    isOpen = false;
  });
  const nextQuery = (): Call => {
    const call = WORKLOADS[plan.workload].next(weak, "none");
    return call.kind === "query" ? call : nextQuery();
  };
  const again = (): void => {
    if (progress.stopping || !isAlive(process)) return;
    const consistency = weak.happens(SESSION_SHARE) ? "session" : "any";
    const call = nextQuery();
    const input = call.input === undefined ? INPUT_NONE : encodeValue(call.input);
    const { seenIndex } = reader;
    isOpen = true;
    progress.openCount += 1;
    note(world, reader.name, "asks", () => `${call.name} ${shortText(call.input)}, ${consistency}, has seen ${seenIndex}`);
    reader.client.query(call.name, input, consistency, plan.requestTimeoutMs, (outcome) => {
      isOpen = false;
      progress.openCount -= 1;
      onTold(reader, { consistency, call, input, seenIndex }, outcome);
      after(world, plan.thinkMs * progress.leisure * 2 * weak.unit(), again);
    });
  };
  again();

  function onTold(
    { name, inherited, client }: WeakReader,
    asked: Pick<WeakRead, "consistency" | "call" | "input"> & { readonly seenIndex: number },
    outcome: CallOutcome,
  ): void {
    if (outcome.kind !== "answered") return mark(world, `read-${asked.consistency}-failed`);
    const { consistency, call, input, seenIndex } = asked;
    const { index, reply } = outcome;
    note(world, name, "is told", () => `${call.name} ${shortText(call.input)}, ${consistency}, at index ${index}`);
    mark(world, `read-${consistency}`);
    reads.push({ client: name, consistency, call, input, index, reply });
    // Read your writes, and monotonic reads: what the client was told before it asked is in what it reads.
    if (consistency === "session" && index < seenIndex)
      violate(world, "S7 session", `${name} reads ${call.name} at index ${index}, and was told of ${seenIndex} before it asked`);
    if (consistency === "session" && inherited.session !== null && client.session() === inherited.session) {
      mark(world, "read-session-resumed");
      if (index < inherited.index)
        violate(world, "S7 session", `${name} reads ${call.name} at index ${index}, and its earlier life was told of ${inherited.index}`);
    }
    reader.seenIndex = Math.max(reader.seenIndex, index);
  }
}
