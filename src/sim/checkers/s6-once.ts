import { findByKey } from "../../server/core/session-table.js";
import type { Message } from "../../vocabulary/message.js";
import { identityKey, type Reply } from "../../vocabulary/session.js";
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

function isEqual(a: Reply, b: Reply): boolean {
  return a.refused === b.refused && a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
