import type { Entry } from "../../vocabulary/entry.js";
import { type SessionId, sessionId } from "../../vocabulary/ids.js";
import type { RequestIdentity } from "../../vocabulary/session.js";

interface KnownSession {
  resumption: number;
  floor: number;
  renewedAtAgeMs: number;
  /** Numbers to the indexes of the entries that executed them. */
  readonly executed: Map<number, number>;
}

/** What exactly-once means, apart from the code that brings it about: of each committed entry, whether it executes its request. */
export interface AppliedOnce {
  add(entry: Entry): void;
  /** The entry at this index executes the request that it holds. */
  executes(index: number): boolean;
  /** The index of the entry that has executed it; 0: none has; null: that is forgotten. */
  indexOf(identity: RequestIdentity): number | null;
  /** S6e: age when the session was last heard of; null: it is not known. */
  renewedAtAgeMs(session: SessionId): number | null;
  /** S6f: the life that the session is in, and the highest number that it has used; null: it is not known. */
  lifeOf(session: SessionId): { readonly resumption: number; readonly highestSequence: number } | null;
}

export function createAppliedOnce(): AppliedOnce {
  const sessions = new Map<SessionId, KnownSession>();
  const keys = new Map<string, { readonly atAgeMs: number; readonly index: number }>();
  const executing = new Set<number>();
  let generation = 0;

  /** S6a, S6b, S6f: a session that is known, in the life that it has, at or above the floor, and not before. */
  function takes(identity: RequestIdentity, isKey: boolean): boolean {
    if (identity.kind === "key") return !keys.has(identity.key);
    const session = sessions.get(identity.session);
    if (session === undefined || (session.resumption !== identity.resumption && !isKey)) return false;
    return identity.sequence >= session.floor && !session.executed.has(identity.sequence);
  }

  function take(identity: RequestIdentity, index: number, atAgeMs: number): void {
    if (identity.kind === "key") keys.set(identity.key, { atAgeMs, index });
    else sessions.get(identity.session)?.executed.set(identity.sequence, index);
  }

  function raiseFloor(identity: RequestIdentity, ageMs: number): void {
    if (identity.kind === "key") return;
    const session = sessions.get(identity.session);
    if (session?.resumption !== identity.resumption) return;
    session.renewedAtAgeMs = ageMs;
    const floor = Math.max(session.floor, Math.min(identity.floor, identity.sequence));
    for (; session.floor < floor; session.floor++) session.executed.delete(session.floor);
  }

  function add({ index, ageMs, body }: Entry): void {
    switch (body.kind) {
      case "start":
        if (body.view.generation !== generation) sessions.clear();
        generation = body.view.generation;
        // S6i: a key names it, whatever the life of the session.
        for (const identity of body.poison) if (takes(identity, true)) take(identity, index, ageMs);
        return;
      case "request":
      case "update": {
        const isTaken = takes(body.identity, false);
        raiseFloor(body.identity, ageMs);
        if (!isTaken) return;
        take(body.identity, index, ageMs);
        executing.add(index);
        return;
      }
      case "session-opened":
        sessions.set(sessionId(generation, index, body.nonce), { resumption: 0, floor: 0, renewedAtAgeMs: ageMs, executed: new Map() });
        return;
      case "session-resumed": {
        const session = sessions.get(body.session);
        if (session === undefined) return;
        session.resumption += 1;
        session.renewedAtAgeMs = ageMs;
        return;
      }
      case "sessions-expired":
        for (const session of body.sessions) sessions.delete(session);
        return;
      case "keys-expired":
        for (const [key, { atAgeMs }] of keys) if (atAgeMs < body.belowAgeMs) keys.delete(key);
        return;
      case "sessions-renewed":
        for (const id of body.sessions) {
          const session = sessions.get(id);
          if (session !== undefined) session.renewedAtAgeMs = ageMs;
        }
        return;
    }
  }

  return {
    add,
    executes: (index) => executing.has(index),
    indexOf(identity) {
      if (identity.kind === "key") return keys.get(identity.key)?.index ?? null;
      const session = sessions.get(identity.session);
      if (session === undefined || identity.sequence < session.floor) return null;
      return session.executed.get(identity.sequence) ?? 0;
    },
    renewedAtAgeMs: (id) => sessions.get(id)?.renewedAtAgeMs ?? null,
    lifeOf(id) {
      const session = sessions.get(id);
      if (session === undefined) return null;
      let highest = session.floor - 1;
      for (const sequence of session.executed.keys()) highest = Math.max(highest, sequence);
      return { resumption: session.resumption, highestSequence: Math.max(0, highest) };
    },
  };
}
