import { entriesOf } from "../../server/core/aged-map.js";
import type { Replica } from "../../server/core/state.js";
import type { Remembered } from "../../server/core/session-record.js";
import { assert } from "../../vocabulary/assert.js";

/**
 * Checksum (32 bits) of the session table with its order, and of the log's age and generation; `start` goes on from another one. It is made at
 * every few entries of each replica, so no text is made for it. The bytes of replies count, not how they are held, which differs.
 */
export function digestOfTable({ table, ageMs, generation }: Replica, start: number): number {
  let hash = mixNumber(mixNumber(start, ageMs), generation);
  hash = mix(hash, table.sessions.size);
  for (const [id, { resumption, floor, renewedAtAgeMs, replies }] of table.sessions) {
    hash = mixNumber(mixNumber(mixNumber(mixText(hash, id), resumption), floor), renewedAtAgeMs);
    hash = mix(hash, replies.size);
    for (const [sequence, remembered] of replies) hash = mixRemembered(mixNumber(hash, sequence), remembered);
  }
  hash = mix(hash, table.keys.size);
  for (const [key, { atAgeMs, remembered }] of entriesOf(table.keys))
    hash = mixRemembered(mixNumber(mixText(hash, key), atAgeMs), remembered);
  return finish(hash);
}

function mixRemembered(hash: number, { index, digest, reply }: Remembered): number {
  assert(reply !== null, "S6b", () => `the reply of entry ${index} is not known yet`);
  const { refused, bytes } = reply;
  let mixed = mix(mix(mix(mixNumber(hash, index), digest), refused ? 1 : 0), bytes.length);
  for (const byte of bytes) mixed = mix(mixed, byte);
  return mixed;
}

function mixText(hash: number, text: string): number {
  let mixed = mix(hash, text.length);
  for (let at = 0; at < text.length; at++) mixed = mix(mixed, text.charCodeAt(at));
  return mixed;
}

const NUMBER = new Float64Array(1);
const WORDS = new Uint32Array(NUMBER.buffer);

function mixNumber(hash: number, value: number): number {
  NUMBER[0] = value;
  return mix(mix(hash, WORDS[0] ?? 0), WORDS[1] ?? 0);
}

/** MurmurHash3: one word. */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
