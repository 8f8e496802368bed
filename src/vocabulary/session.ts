import type { SessionId } from "./ids.js";

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
	return identity.kind === "session"
		? `s:${identity.session}:${identity.sequence}`
		: `k:${identity.key}`;
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
