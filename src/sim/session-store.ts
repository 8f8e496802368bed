import type { SavedSession } from "../client/core/state.js";
import type { SessionId } from "../vocabulary/ids.js";

/** A client's session file: what it must know to go on after its own death (S6f). */
export interface SessionStore {
  session: SessionId | null;
  readonly requests: Map<number, { readonly operation: string; readonly input: Uint8Array }>;
  highestSequence: number;
}

export function createSessionStore(): SessionStore {
  return { session: null, requests: new Map(), highestSequence: 0 };
}

export function savedSession(store: SessionStore): SavedSession | null {
  if (store.session === null) return null;
  const requests = [...store.requests].map(([sequence, request]) => ({ sequence, ...request }));
  return { session: store.session, requests, highestSequence: store.highestSequence };
}
