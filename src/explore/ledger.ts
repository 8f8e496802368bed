/** What the world was promised: entries that were committed, requests that were answered, reads. Nothing of it may ever become untrue. */
import type { Answer } from "./catalog.js";
import type { EntryFacts, HostFacts } from "./host-facts.js";
import { replicaOfLife } from "./life.js";
import { READ_TICKET, requestOfTicket, wordFor } from "./requests.js";
import { wordOf } from "./word-list.js";

export interface OpenRead {
  readonly ticket: number;
  /** Words that an answer must hold: acknowledged, or seen by a read, before this one was asked. */
  readonly mustHold: string;
}

export interface Ledger {
  /** By index - 1. */
  readonly committed: readonly EntryFacts[];
  /** What each request was answered, by number - 1; empty: not yet. */
  readonly answers: readonly string[];
  readonly read: OpenRead | null;
  /** The longest list that a read has shown. */
  readonly seen: string;
}

export function createLedger(requests: number): Ledger {
  return { committed: [], answers: Array.from({ length: requests }, () => ""), read: null, seen: "" };
}

/** The service's words after the committed entries through an index: each request once (S6). */
function wordsThrough(ledger: Ledger, index: number): string[] {
  const words: string[] = [];
  const done = new Set<string>();
  for (const entry of ledger.committed.slice(0, index)) {
    if (entry.identity === null || done.has(entry.identity)) continue;
    done.add(entry.identity);
    words.push(entry.word);
  }
  return words;
}

function name(facts: HostFacts): string {
  return `r${replicaOfLife(facts.life)}`;
}

/** Takes in what a host counts as committed; a text when it contradicts what was committed before (S3, S4, L1-L3). */
export function commit(ledger: Ledger, facts: HostFacts): Ledger | string {
  const { baseIndex, entries, commitIndex } = facts;
  const { committed } = ledger;
  for (let index = baseIndex + 1; index <= Math.min(commitIndex, committed.length); index++) {
    const own = entries[index - baseIndex - 1]?.text;
    const known = committed[index - 1]?.text;
    if (own !== known) return `S3: ${name(facts)} has committed ${own} at ${index}, where ${known} was committed before`;
  }
  if (commitIndex <= committed.length) return ledger;
  return { ...ledger, committed: [...committed, ...entries.slice(committed.length - baseIndex, commitIndex - baseIndex)] };
}

/** S6, S9: the state is what the committed entries make, each request once. */
export function checkState(ledger: Ledger, facts: HostFacts): string | null {
  if (facts.isInstalling) return null;
  const expected = wordsThrough(ledger, facts.appliedIndex).join(" ");
  if (expected === facts.words) return null;
  return `S9: ${name(facts)} has applied ${facts.appliedIndex} entries and holds "${facts.words}"; they make "${expected}"`;
}

/** S3: whoever leads the newest active view holds all that was ever committed. */
export function checkLeader(ledger: Ledger, facts: HostFacts, newest: number): string | null {
  if (facts.leads !== newest || !facts.leadActive) return null;
  for (let index = facts.baseIndex + 1; index <= ledger.committed.length; index++) {
    const own = facts.entries[index - facts.baseIndex - 1]?.text;
    const known = ledger.committed[index - 1];
    if (known !== undefined && own !== known.text) {
      return `S3: ${name(facts)} leads the newest view without entry ${index} (${known.text}), which is committed; it has ${own ?? "nothing"}`;
    }
  }
  return null;
}

function holds(words: string, must: string): boolean {
  const list = words.split(" ");
  return must.split(" ").every((word) => word === "" || list.includes(word));
}

function takeRead(ledger: Ledger, read: OpenRead, answer: Answer): Ledger | string {
  const done = { ...ledger, read: null };
  if (answer.kind !== "reply") return done;
  const words = wordOf(answer.reply.bytes);
  if (!holds(words, read.mustHold)) return `S7: a read shows "${words}", but before it was asked "${read.mustHold}" was known`;
  const committed = wordsThrough(ledger, ledger.committed.length).join(" ");
  if (!`${committed} `.startsWith(`${words} `) && words !== "") return `S7: a read shows "${words}", committed is only "${committed}"`;
  return { ...done, seen: words.length > ledger.seen.length ? words : ledger.seen };
}

/** What a client hears (S6): committed, once, and always the same. */
export function take(ledger: Ledger, answer: Answer): Ledger | string {
  const { read } = ledger;
  const request = requestOfTicket(answer.ticket);
  if (answer.ticket >= READ_TICKET) return read !== null && read.ticket === answer.ticket ? takeRead(ledger, read, answer) : ledger;
  if (answer.kind === "request-failed") {
    const wasAnswered = ledger.answers[request - 1] !== "";
    return answer.code === "stale-sequence" && wasAnswered ? ledger : `S6: request ${request} is answered ${answer.code}`;
  }
  if (answer.kind !== "reply") return ledger;
  const text = wordOf(answer.reply.bytes);
  const known = ledger.answers[request - 1] ?? "";
  if (known !== "" && known !== text) return `S6: request ${request} is answered ${text}, and was answered ${known} before`;
  const word = wordFor(request);
  const at = wordsThrough(ledger, answer.index).indexOf(word) + 1;
  if (String(at) !== text) return `S6: request ${request} is answered ${text}; the committed entries make ${at}`;
  if (known !== "") return ledger;
  return { ...ledger, answers: ledger.answers.map((other, i) => (i === request - 1 ? text : other)) };
}

/** A read is asked now. */
export function askRead(ledger: Ledger, ticket: number): Ledger {
  const acknowledged = ledger.answers.map((answer, i) => (answer === "" ? "" : wordFor(i + 1))).filter((word) => word !== "");
  const mustHold = [...new Set([...acknowledged, ...ledger.seen.split(" ")])].filter((word) => word !== "").sort();
  return { ...ledger, read: { ticket, mustHold: mustHold.join(" ") } };
}
