import type { LfdEffect } from "./event.js";
import type { LfdState } from "./state.js";

/**
 * S1a at the edge: orders name no term of their own, but each Replication Manager says on its connection in which term it rules. An order of
 * one that has been replaced may be read late (this process was stopped, the network was slow): it is refused as soon as a later term has
 * been heard of, and the other is told, so that it looks at its store and ends. Nothing of this is kept over a restart: it saves trouble, not safety.
 */
export function noteTerm(state: LfdState, connection: number, term: number, effects: LfdEffect[]): void {
  state.terms.set(connection, term);
  if (term < state.laterTerm) return tell(connection, state.laterTerm, effects);
  if (term === state.laterTerm) return;
  state.laterTerm = term;
  for (const [other, older] of state.terms) if (older < term) tell(other, term, effects);
}

function tell(connection: number, term: number, effects: LfdEffect[]): void {
  effects.push({ kind: "send", connection, message: { kind: "later-term", term } });
}

/** Why nothing is done for the Replication Manager of this connection any more, or null. */
export function whyDeposed(state: LfdState, connection: number): string | null {
  const term = state.terms.get(connection);
  if (term === undefined || term >= state.laterTerm) return null;
  return `the Replication Manager that orders it rules in term ${term}, and one of term ${state.laterTerm} has taken over`;
}
