/**
 * Names exchanged for one another in plain data: of replicas, of clients' requests, of Replication Managers. A renamed state behaves as the
 * state does, under the other names, wherever nothing is decided by names (`twins.ts` says where that is).
 */
import { renamedConnection } from "./life.js";
import { REQUEST_TICKET, requestOfTicket, wordFor } from "./requests.js";
import { isImmutable } from "./plain-data.js";

/** For each, what it is called instead: replicas by number - 1, requests by number - 1, RMs by number. */
export interface Renaming {
  readonly replicas: readonly number[];
  readonly requests: readonly number[];
  readonly rms: readonly number[];
  /** What was renamed before, of what nobody changes. */
  readonly known: WeakMap<object, object>;
  readonly texts: Map<string, string>;
}

export function createRenaming(replicas: readonly number[], requests: readonly number[], rms: readonly number[]): Renaming {
  return { replicas, requests, rms, known: new WeakMap(), texts: new Map() };
}

/** From 1, as all that follow. */
export function renamedReplica({ replicas }: Renaming, replica: number): number {
  return replicas[replica - 1] ?? replica;
}

export function renamedRequest({ requests }: Renaming, request: number): number {
  return requests[request - 1] ?? request;
}

/** From 0. */
export function renamedRm({ rms }: Renaming, rm: number): number {
  return rms[rm] ?? rm;
}

const NAMES = /\b(?:(r|inc|boot)(\d)|rm(\d)|key-(\d))(?=$|[^\w])/g;

/** A name, or a text that holds names. */
export function renamedText(renaming: Renaming, text: string): string {
  const known = renaming.texts.get(text);
  if (known !== undefined) return known;
  const made =
    text.length === 1
      ? renamedWord(renaming, text)
      : text.replace(NAMES, (_, of, replica, rm, request) => {
          if (rm !== undefined) return `rm${renamedRm(renaming, Number(rm))}`;
          if (request !== undefined) return `key-${renamedRequest(renaming, Number(request))}`;
          return `${of}${renamedReplica(renaming, Number(replica))}`;
        });
  renaming.texts.set(text, made);
  return made;
}

/** A word that a request adds; any other letter is left. */
export function renamedWord(renaming: Renaming, letter: string): string {
  const request = letter.charCodeAt(0) - WORDS_FROM;
  return request >= 1 && request <= renaming.requests.length ? wordFor(renamedRequest(renaming, request)) : letter;
}

const WORDS_FROM = wordFor(1).charCodeAt(0) - 1;

function renamedBytes(renaming: Renaming, bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => renamedWord(renaming, String.fromCharCode(byte)).charCodeAt(0));
}

function renamedNumber(renaming: Renaming, value: number): number {
  if (value < REQUEST_TICKET)
    return renamedConnection(
      value,
      (replica) => renamedReplica(renaming, replica),
      (rm) => renamedRm(renaming, rm),
    );
  const request = requestOfTicket(value);
  return request > renaming.requests.length ? value : REQUEST_TICKET + renamedRequest(renaming, request);
}

/** A copy with the names exchanged; an object that is met twice is one object in the copy too. */
export function renamed<T>(renaming: Renaming, value: T): T {
  return any(renaming, value, new Map()) as T;
}

type Made = Map<object, object>;

function any(renaming: Renaming, value: unknown, made: Made): unknown {
  if (typeof value === "string") return renamedText(renaming, value);
  if (typeof value === "number") return renamedNumber(renaming, value);
  if (typeof value !== "object" || value === null) return value;
  const isFixed = isImmutable(value);
  const known = isFixed ? renaming.known.get(value) : made.get(value);
  if (known !== undefined) return known;
  const copy = container(renaming, value, made);
  if (isFixed) {
    if (Object.isFrozen(value)) Object.freeze(copy);
    renaming.known.set(value, copy);
  }
  return copy;
}

function container(renaming: Renaming, value: object, made: Made): object {
  if (value instanceof Uint8Array) return renamedBytes(renaming, value);
  if (Array.isArray(value)) return inOrder(value.map((item) => any(renaming, item, made)));
  if (value instanceof Set) return new Set([...(value as Set<unknown>)].map((item) => any(renaming, item, made)));
  if (value instanceof Map) {
    return new Map([...(value as Map<unknown, unknown>)].map(([key, item]) => [any(renaming, key, made), any(renaming, item, made)]));
  }
  const object: Record<string, unknown> = {};
  made.set(value, object);
  for (const key in value) object[key] = any(renaming, (value as Record<string, unknown>)[key], made);
  return object;
}

/** Members, founders and the store's replicas are lists in the order of their names. */
function inOrder(list: unknown[]): unknown[] {
  const isNamed = list.length > 1 && list.every((item) => typeof item === "object" && item !== null && isRole(item));
  return isNamed ? (list as { replica: string }[]).sort((a, b) => (a.replica < b.replica ? -1 : 1)) : list;
}

function isRole(item: object): boolean {
  return "replica" in item && typeof item.replica === "string" && ("incarnation" in item || "leaving" in item);
}

/** Every way to exchange those of the items that are `alike`, among `count` in all; the first leaves all as it is. */
export function exchanges(count: number, from: number, alike: readonly (readonly number[])[]): number[][] {
  let all: number[][] = [Array.from({ length: count }, (_, i) => i + from)];
  for (const some of alike) all = all.flatMap((one) => orders(some).map((order) => placed(one, from, some, order)));
  return all;
}

function placed(one: readonly number[], from: number, some: readonly number[], order: readonly number[]): number[] {
  const next = [...one];
  for (const [i, item] of some.entries()) next[item - from] = order[i] ?? item;
  return next;
}

function orders(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first) => orders(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}
