/** The identities of the system: branded strings, made only here and in the codec. */

export type ClusterId = string & { readonly brand: "ClusterId" };
export type GroupName = string & { readonly brand: "GroupName" };
/** One member's identity across restarts, unique in the whole system: `<group>-<number>`. */
export type ReplicaId = string & { readonly brand: "ReplicaId" };
export type HostId = string & { readonly brand: "HostId" };
/**
 * One life of a replica's durable log: a random 128-bit id in hex, made with the data folder (S5a).
 * Never a counter, never copied by a backup. (SWIM uses the word for a refutation counter; we do not.)
 */
export type Incarnation = string & { readonly brand: "Incarnation" };
/** One life of a process: a random 128-bit id in hex, made at every start. */
export type BootId = string & { readonly brand: "BootId" };
/** `<generation>.<index of the entry that opened it>.<nonce>`: an id that the table does not know is an expired one (S6a). */
export type SessionId = string & { readonly brand: "SessionId" };

const NAME_PATTERN = /^[a-z][a-z0-9-]{0,62}$/;
const ID_PATTERN = /^[0-9a-f]{32}$/;
const SESSION_PATTERN = /^\d{1,15}\.\d{1,15}\.[0-9a-f]{1,32}$/;

/** Names of groups, replicas and hosts: a lower-case letter, then at most 62 letters, digits and dashes. */
export function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

/** A 128-bit id as 32 lower-case hex digits. */
export function isId(text: string): boolean {
  return ID_PATTERN.test(text);
}

export function isSessionId(text: string): text is SessionId {
  return SESSION_PATTERN.test(text);
}

export const clusterId = (text: string): ClusterId => text as ClusterId;
export const groupName = (text: string): GroupName => text as GroupName;
export const replicaId = (text: string): ReplicaId => text as ReplicaId;
export const hostId = (text: string): HostId => text as HostId;
export const incarnation = (text: string): Incarnation => text as Incarnation;
export const bootId = (text: string): BootId => text as BootId;

export function sessionId(generation: number, index: number, nonce: string): SessionId {
  return `${generation}.${index}.${nonce}` as SessionId;
}
