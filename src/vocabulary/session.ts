import { isSessionId, type SessionId } from "./ids.js";

/**
 * What makes a request the same request when it comes again (S6).
 * `resumption` is raised each time the session is resumed: older copies are refused when applied (S6f).
 * `floor` is the client's lowest unanswered number: replies below it may be forgotten (S6b).
 */
export type RequestIdentity =
  | {
      readonly kind: "session";
      readonly session: SessionId;
      readonly resumption: number;
      readonly sequence: number;
      readonly floor: number;
    }
  | { readonly kind: "key"; readonly key: string };

/** Equal for all copies of one request. */
export function identityKey(identity: RequestIdentity): string {
  return identity.kind === "session" ? `s:${identity.session}:${identity.sequence}` : `k:${identity.key}`;
}

/**
 * The other way round, for naming poison requests (S6i): null when the text is no such key. `resumption` and `floor` are not part of a
 * key and come back as 0: compare the result by `identityKey` only.
 */
export function parseIdentityKey(text: string): RequestIdentity | null {
  if (text.startsWith("k:")) return text.length > 2 ? { kind: "key", key: text.slice(2) } : null;
  const match = /^s:([^:]+):(\d{1,15})$/.exec(text);
  const session = match?.[1];
  const digits = match?.[2];
  if (session === undefined || digits === undefined || !isSessionId(session)) return null;
  return { kind: "session", session, resumption: 0, sequence: Number(digits), floor: 0 };
}

/** What the service made of a request: its result, or its refusal (a result like any other: S8). `bytes` holds the encoded value or `ServiceError`. */
export interface Reply {
  readonly refused: boolean;
  readonly bytes: Uint8Array;
}

/** The encoded form of a refusal. */
export interface ServiceError {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

/** One remembered reply. `digest` is a checksum of operation and input: the same number with another request is an error (S6g). */
export interface TableReply {
  readonly index: number;
  readonly digest: number;
  readonly reply: Reply;
}

export interface SessionImage {
  readonly session: SessionId;
  readonly resumption: number;
  readonly floor: number;
  /** On the age counter of S6e. */
  readonly renewedAtAgeMs: number;
  readonly replies: readonly (readonly [sequence: number, reply: TableReply])[];
}

export interface KeyImage {
  readonly key: string;
  readonly atAgeMs: number;
  readonly reply: TableReply;
}

/** The session table as a snapshot carries it: plain, in a fixed order, free to be cut into slices. */
export interface TableImage {
  readonly sessions: readonly SessionImage[];
  readonly keys: readonly KeyImage[];
}
