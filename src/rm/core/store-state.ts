import type { ControlContent } from "./content.js";

/** The draft, when it differs from what is stored, is written as soon as no other write is under way. */
export interface StoreState {
  phase: "new" | "reading" | "taking-term" | "checking-term" | "ruling" | "writing" | "re-reading" | "ended";
  ticket: number;
  /** Why the last write was refused; a second refusal with an unchanged store is a broken rule. */
  refusal: string | null;
  revision: number;
  stored: ControlContent;
  draft: ControlContent;
  written: ControlContent | null;
  /** The reading that looks for a later term, while it is under way, and when the next one is due. */
  watchTicket: number | null;
  watchDueMs: number;
}

export function createStoreState(empty: ControlContent): StoreState {
  return {
    phase: "new",
    ticket: 0,
    refusal: null,
    revision: 0,
    stored: empty,
    draft: empty,
    written: null,
    watchTicket: null,
    watchDueMs: Number.POSITIVE_INFINITY,
  };
}
