import { tryDecodeValue } from "../../codec/value.js";
import {
  createTable,
  dropSession,
  expireKeys,
  find,
  openSession,
  raiseFloor,
  remember,
  renew,
  resumeSession,
} from "../../server/core/session-table.js";
import { serviceMachine } from "../../service/service-machine.js";
import type { StateMachine } from "../../service/state-machine.js";
import { assert, unreachable } from "../../vocabulary/assert.js";
import type { Entry } from "../../vocabulary/entry.js";
import { identityKey, type Reply } from "../../vocabulary/session.js";
import { shortText } from "../driver.js";
import type { Plan } from "../plan.js";
import type { WeakRead } from "../weak-reads.js";
import { mark, violate } from "../world.js";
import type { Ledger } from "./ledger.js";

/** Of no interest here: only that there is one. */
const SOME_REPLY: Reply = { refused: false, bytes: new Uint8Array(0) };

/**
 * S7, S8: whatever consistency a read asks for, its answer is that of the committed log through the index that it names: no more, no less, and
 * nothing beside it. The log is executed once more from its beginning, and each read is asked again where it says that it was.
 */
export function checkWeakReads(ledger: Ledger, plan: Plan, reads: readonly WeakRead[]): void {
  const { world, committed } = ledger;
  if (reads.length === 0) return;
  const replay = createReplay(
    plan,
    committed.map(({ entry }) => entry),
  );
  const inOrder = [...reads].sort((a, b) => a.index - b.index);
  for (const read of inOrder) {
    const { client, consistency, call, input, index, reply } = read;
    const said = `${client} reads ${call.name} at index ${index}`;
    if (index > committed.length) return violate(world, `S7 ${consistency}`, `${said}, of ${committed.length} that are committed`);
    replay.through(index);
    if (replay.isInDoubt(index)) continue;
    mark(world, "weak-read-compared");
    const expected = replay.machine.query(call.name, input, 0);
    if (isEqual(expected, reply)) continue;
    return violate(
      world,
      `S7 ${consistency}`,
      `${said} and is told what the state there is not: ${textOf(reply)} in place of ${textOf(expected)}`,
    );
  }
}

interface Replay {
  readonly machine: StateMachine;
  /** Executes through this index; they only rise. */
  through(index: number): void;
  /** S6i: between a poisoned request and the entry that says so a replica may be that has executed it, and ends when it comes there. */
  isInDoubt(index: number): boolean;
}

function createReplay(plan: Plan, entries: readonly Entry[]): Replay {
  const machine = serviceMachine(plan.service);
  const table = createTable();
  const poison = poisonOf(entries);
  let generation = 0;
  let done = 0;

  function perform({ index, ageMs, body }: Entry): void {
    switch (body.kind) {
      case "start":
        if (generation !== body.view.generation) for (const session of [...table.sessions.keys()]) dropSession(table, session);
        generation = body.view.generation;
        return;
      case "request":
      case "update": {
        const { identity, digest } = body;
        const finding = find(table, identity, digest);
        raiseFloor(table, identity, ageMs);
        if (finding.kind !== "new") return;
        remember(table, identity, { index, digest, reply: SOME_REPLY }, ageMs);
        if (body.kind === "update") {
          if (body.redo.length > 0) machine.applyUpdate(body.redo);
          return;
        }
        if ((poison.get(identityKey(identity)) ?? 0) > index) return;
        const requestKey = identityKey(identity);
        const outcome = machine.execute({ ...body, ticket: index, requestKey, settled: true });
        assert(!(outcome instanceof Promise), "S9", () => "a settled execution is asynchronous");
        return;
      }
      case "session-opened":
        openSession(table, generation, index, body.nonce, ageMs);
        return;
      case "session-resumed":
        resumeSession(table, body.session, ageMs);
        return;
      case "sessions-renewed":
        for (const session of body.sessions) renew(table, session, ageMs);
        return;
      case "sessions-expired":
        for (const session of body.sessions) dropSession(table, session);
        return;
      case "keys-expired":
        expireKeys(table, body.belowAgeMs);
        return;
      default:
        return unreachable(body);
    }
  }

  return {
    machine,
    through(index) {
      for (; done < index; done++) {
        const entry = entries[done];
        if (entry !== undefined) perform(entry);
      }
    },
    isInDoubt: (index) =>
      poison.size > 0 &&
      entries.some(
        ({ body, index: at }) => body.kind === "request" && at <= index && index < (poison.get(identityKey(body.identity)) ?? 0),
      ),
  };
}

/** The last start entry that names a request as poison. */
function poisonOf(entries: readonly Entry[]): Map<string, number> {
  const poison = new Map<string, number>();
  for (const { index, body } of entries) if (body.kind === "start") for (const each of body.poison) poison.set(identityKey(each), index);
  return poison;
}

function isEqual(a: Reply, b: Reply): boolean {
  return a.refused === b.refused && a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}

function textOf({ refused, bytes }: Reply): string {
  const decoded = bytes.length === 0 ? null : tryDecodeValue(bytes);
  const value = decoded === null ? "nothing" : decoded.ok ? shortText(decoded.value) : `${bytes.length} bytes`;
  return refused ? `refused ${value}` : value;
}
