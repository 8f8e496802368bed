import type { Entry } from "../../vocabulary/entry.js";
import { type SessionId, sessionId } from "../../vocabulary/ids.js";
import type { RequestIdentity } from "../../vocabulary/session.js";

interface KnownSession {
  resumption: number;
  floor: number;
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

  function raiseFloor(identity: RequestIdentity): void {
    if (identity.kind === "key") return;
    const session = sessions.get(identity.session);
    if (session?.resumption !== identity.resumption) return;
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
        raiseFloor(body.identity);
        if (!isTaken) return;
        take(body.identity, index, ageMs);
        executing.add(index);
        return;
      }
      case "session-opened":
        sessions.set(sessionId(generation, index, body.nonce), { resumption: 0, floor: 0, executed: new Map() });
        return;
      case "session-resumed": {
        const session = sessions.get(body.session);
        if (session !== undefined) session.resumption += 1;
        return;
      }
      case "sessions-expired":
        for (const session of body.sessions) sessions.delete(session);
        return;
      case "keys-expired":
        for (const [key, { atAgeMs }] of keys) if (atAgeMs < body.belowAgeMs) keys.delete(key);
        return;
      case "sessions-renewed":
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
  };
}
