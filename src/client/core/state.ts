import { EPOCH_ZERO, type Epoch } from "../../vocabulary/epoch.js";
import type { ErrorCode } from "../../vocabulary/error.js";
import type { ReplicaId, SessionId } from "../../vocabulary/ids.js";
import type { Consistency } from "../../vocabulary/message-client.js";
import type { RequestIdentity } from "../../vocabulary/session.js";
import type { AddressBook, View } from "../../vocabulary/view.js";
import type { CallOutcome } from "./effect.js";

export interface ClientConfig {
  /** Hex, unique to this client's life: its sessions are opened with it. At most 24 digits. */
  readonly nonce: string;
  /** Feeds the jitter of back-off. */
  readonly seed: number;
  /** Requests of the own session wait for `saved` before they are sent (S6f). */
  readonly savesRequests: boolean;
  /** Calls held that are not sent yet; beyond it new ones are refused as overloaded. */
  readonly waitingMax: number;
  /** Bytes of input held, sent or not. */
  readonly heldBytesMax: number;
  readonly inFlightMax: number;
  /** Bytes sent on one connection that its server is not known to have read; one request passes at any rate. */
  readonly unreadBytesMax: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** How long without a leader before the group is looked for anew. */
  readonly discoverAfterMs: number;
}

/** What a session file held at start. */
export interface SavedSession {
  readonly session: SessionId;
  readonly requests: readonly { readonly sequence: number; readonly operation: string; readonly input: Uint8Array }[];
  readonly highestSequence: number;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

interface CallBase {
  readonly id: number;
  readonly deadlineMs: number;
  readonly sizeBytes: number;
  /** Copies on open connections that have no answer yet. */
  readonly tickets: Set<number>;
  /** A copy was sent whose answer cannot come any more, or whose answer said nothing: its outcome is open for good (S6h). */
  lostCopy: boolean;
  refusal: Refusal | null;
}

export interface Place {
  readonly session: SessionId;
  readonly sequence: number;
  /**
   * S6b: told with every copy. As it was when the number was given out: the session file then holds all ends below it before the request
   * itself, and a next life asks for none of them again.
   */
  readonly floor: number;
}

export interface OwnCall extends CallBase {
  readonly kind: "own";
  readonly operation: string;
  readonly input: Uint8Array;
  readonly impatientAtMs: number;
  /** Of an earlier life of this client. */
  readonly recovered: boolean;
  /** Set when its turn to be sent comes; kept for all copies. */
  place: Place | null;
  saving: boolean;
}

export interface ForeignCall extends CallBase {
  readonly kind: "foreign";
  readonly operation: string;
  readonly input: Uint8Array;
  readonly impatientAtMs: number;
  readonly identity: RequestIdentity;
}

export interface QueryCall extends CallBase {
  readonly kind: "query";
  readonly query: string;
  readonly input: Uint8Array;
  readonly consistency: Consistency;
  /** A `session` or `any` query that a follower could not answer. */
  toLeader: boolean;
}

export interface OpenCall extends CallBase {
  readonly kind: "open-session";
  readonly nonce: string;
}

export type Call = OwnCall | ForeignCall | QueryCall | OpenCall;

/** Copies that were sent on a connection and that its server is not known to have read, in order, from `head` on. */
export interface Unread {
  readonly tickets: number[];
  readonly sizes: number[];
  head: number;
  sizeBytes: number;
}

export interface ConnectionState {
  readonly replica: ReplicaId;
  /** Epoch of the view that it last told of, and whether it leads it; null before it has told. */
  viewEpoch: Epoch | null;
  serving: boolean;
  readonly tickets: Set<number>;
  readonly unread: Unread;
}

export interface Route {
  readonly connection: number;
  readonly epoch: Epoch;
  /** The first that was given out since it was chosen. */
  readonly firstTicket: number;
}

export type OwnSession =
  | { readonly kind: "none" }
  /** `ticket` null: not asked yet on the current route. */
  | { readonly kind: "opening"; readonly nonce: string; ticket: number | null }
  | { readonly kind: "resuming"; readonly session: SessionId; ticket: number | null }
  | { readonly kind: "open"; readonly session: SessionId; readonly resumption: number };

export interface ClientState {
  readonly config: ClientConfig;
  view: View | null;
  book: AddressBook;
  linksKey: string;
  readonly connections: Map<number, ConnectionState>;
  route: Route | null;
  /** Nothing is sent to the leader before this moment (back-off). */
  resumeAtMs: number;
  attempt: number;
  jitter: number;
  session: OwnSession;
  sessionsMade: number;
  nextSequence: number;
  /** Sequence numbers of the current session whose end is not told, or not in the session file yet, rising: the first is the floor (S6b). */
  readonly openSequences: Set<number>;
  /** Calls that have ended, until the session file says so; those whose caller hears only then, with their outcome. */
  readonly ending: Map<number, { readonly call: OwnCall; readonly untold: CallOutcome | null }>;
  /** Calls of the earlier life that have ended: the file says so of all at once, since the program may look at them only then. */
  readonly recovered: OwnCall[];
  /** Of those, the ones that the session file does not hold durably yet. */
  readonly saving: Map<number, OwnCall>;
  /** All open calls, in the order of their making. */
  readonly calls: Map<number, Call>;
  /**
   * Calls to be sent: of the own session with their number and without one, to the leader otherwise, to any member. Each in order. Those with
   * a number never stand behind one that waits for the window: it is their answers that move it.
   */
  readonly waitingNumbered: Set<number>;
  readonly waitingOwn: Set<number>;
  readonly waitingLeader: Set<number>;
  readonly waitingAny: Set<number>;
  /** Everything open is to be sent again, in order (S6d). */
  resendAll: boolean;
  /** Of a ticket on the way: its call and its connection. Call 0 is the own session's opening or resumption. */
  readonly tickets: Map<number, { readonly call: number; readonly connection: number }>;
  nextTicket: number;
  /** Calls of other sessions and queries that are on the way to the leader. */
  readonly leaderInFlight: Set<number>;
  heldBytes: number;
  /** What was seen of the present generation (S7); answers of an epoch below `seenFromEpoch` are of an earlier one. */
  highestIndex: number;
  seenFromEpoch: Epoch;
  readerTurn: number;
  /** No call's deadline or patience ends before this. */
  checkAtMs: number;
  discoverAtMs: number;
  discoverAttempt: number;
  /** What was found in the group's place when it was looked for last. */
  foundInstead: string | null;
  closed: boolean;
}

/** The call number under which the client opens and resumes its own session. */
export const SESSION_CALL = 0;

/** A client that knows nothing yet; with `saved`, one that goes on where an earlier life of it stopped (S6f). */
export function createClient(config: ClientConfig, saved: SavedSession | null): ClientState {
  const state: ClientState = {
    config,
    view: null,
    book: { version: EPOCH_ZERO, entries: [] },
    linksKey: "",
    connections: new Map(),
    route: null,
    resumeAtMs: 0,
    attempt: 0,
    jitter: config.seed >>> 0 || 1,
    session: saved === null ? { kind: "none" } : { kind: "resuming", session: saved.session, ticket: null },
    sessionsMade: 0,
    nextSequence: saved === null ? 1 : saved.highestSequence + 1,
    openSequences: new Set(),
    ending: new Map(),
    recovered: [],
    saving: new Map(),
    calls: new Map(),
    waitingNumbered: new Set(),
    waitingOwn: new Set(),
    waitingLeader: new Set(),
    waitingAny: new Set(),
    resendAll: false,
    tickets: new Map(),
    nextTicket: 1,
    leaderInFlight: new Set(),
    heldBytes: 0,
    highestIndex: 0,
    seenFromEpoch: EPOCH_ZERO,
    readerTurn: 0,
    checkAtMs: Number.POSITIVE_INFINITY,
    discoverAtMs: Number.POSITIVE_INFINITY,
    discoverAttempt: 0,
    foundInstead: null,
    closed: false,
  };
  if (saved !== null) recoverRequests(state, saved);
  return state;
}

function recoverRequests(state: ClientState, { session, requests }: SavedSession): void {
  const floor = requests[0]?.sequence ?? 0;
  for (const { sequence, operation, input } of requests) {
    const call: OwnCall = {
      kind: "own",
      // Numbers of calls that the shell makes are positive.
      id: -sequence,
      deadlineMs: Number.POSITIVE_INFINITY,
      impatientAtMs: Number.POSITIVE_INFINITY,
      sizeBytes: input.byteLength,
      tickets: new Set(),
      // The earlier life may have sent it.
      lostCopy: true,
      refusal: null,
      operation,
      input,
      recovered: true,
      place: { session, sequence, floor },
      saving: false,
    };
    state.calls.set(call.id, call);
    state.openSequences.add(sequence);
    state.waitingNumbered.add(call.id);
    state.heldBytes += call.sizeBytes;
  }
}

/** S6b: the lowest number without an end. */
export function floorOf(state: ClientState): number {
  for (const sequence of state.openSequences) return sequence;
  return state.nextSequence;
}
