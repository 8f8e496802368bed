import { findByKey } from "../../server/core/session-table.js";
import type { Entry } from "../../vocabulary/entry.js";
import { ERRORS } from "../../vocabulary/error.js";
import type { Message } from "../../vocabulary/message.js";
import { identityKey, type Reply, type RequestIdentity } from "../../vocabulary/session.js";
import type { RunningServer } from "../running.js";
import { mark, violate } from "../world.js";
import type { Ledger, Question } from "./ledger.js";

/** S6b, S6c, S6f: of what this replica has issued since it was looked at, it executes what every replica is to execute, and nothing else. */
export function checkDecisions(ledger: Ledger, server: RunningServer): void {
  const { issuedIndex, table, log } = server.replica;
  const decided = ledger.decided.get(server) ?? 0;
  ledger.decided.set(server, issuedIndex);
  for (let index = Math.max(decided, log.base.index) + 1; index <= issuedIndex; index++) {
    const body = ledger.committed[index - 1]?.entry.body;
    if (body?.kind !== "request" && body?.kind !== "update") continue;
    const remembered = findByKey(table, body.identity);
    // Forgotten meanwhile; or refused, which not every replica does by the same entry (S6i).
    if (remembered === null || ledger.poison.has(identityKey(body.identity))) continue;
    if ((remembered.index === index) === ledger.once.executes(index)) continue;
    const key = identityKey(body.identity);
    violate(
      ledger.world,
      "S6",
      ledger.once.executes(index)
        ? `${server.process.name} leaves out entry ${index}, which is the first of ${key}, for ${remembered.index}`
        : `${server.process.name} executes ${key} by entry ${index}, which every replica is to leave out`,
    );
  }
}

/** S6, S8: what a client is told of its request is what the entry that executed it made. */
export function checkRequestAnswered(
  ledger: Ledger,
  server: RunningServer,
  { message }: Question,
  { index, reply }: Extract<Message, { kind: "reply" }>,
): void {
  if (message.kind !== "request") return;
  const { identity } = message;
  const key = identityKey(identity);
  const right = ledger.once.indexOf(identity);
  if (right === null || ledger.poison.has(key)) return;
  mark(ledger.world, "answer-compared");
  if (right !== index) {
    const executed = right === 0 ? "was not executed" : `was executed by entry ${right}`;
    return violate(ledger.world, "S6", `${server.process.name} answers ${key} with what entry ${index} made; it ${executed}`);
  }
  const body = ledger.committed[index - 1]?.entry.body;
  if (body?.kind === "update" && !isEqual(body.reply, reply))
    violate(ledger.world, "S6", `${server.process.name} answers ${key} with another reply than the one in entry ${index}`);
}

/** S6h: a member says "not executed" only of what is not, as far as it has the log. */
export function checkRefusal(
  ledger: Ledger,
  { process, replica }: RunningServer,
  { message }: Question,
  { code }: Extract<Message, { kind: "request-failed" }>,
): void {
  // Another request has executed under that number or key.
  if (message.kind !== "request" || code === "identity-reused" || ERRORS[code].outcome !== "not-executed") return;
  const index = ledger.once.indexOf(message.identity);
  if (index === null || index === 0 || index > replica.commitIndex) return;
  violate(ledger.world, "S6h", `${process.name} refuses ${identityKey(message.identity)} (${code}), which entry ${index} has executed`);
}

/** S6h: a client says "not executed" only of what is not, */
export function noteRefused(ledger: Ledger, client: string, identity: RequestIdentity): void {
  const key = identityKey(identity);
  const index = ledger.once.indexOf(identity);
  mark(ledger.world, "refusal-compared");
  if (index !== null && index > 0)
    violate(ledger.world, "S6h", `${client} says that ${key} was not executed; entry ${index} has executed it`);
  ledger.refused.set(key, client);
}

/** and never will be. */
export function checkNotRefused(ledger: Ledger, { index, body }: Entry): void {
  if (ledger.refused.size === 0 || (body.kind !== "request" && body.kind !== "update")) return;
  const key = identityKey(body.identity);
  const client = ledger.refused.get(key);
  if (client === undefined || !ledger.once.executes(index)) return;
  violate(ledger.world, "S6h", `entry ${index} executes ${key}; ${client} has said that it was not executed`);
}

function isEqual(a: Reply, b: Reply): boolean {
  return a.refused === b.refused && a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
