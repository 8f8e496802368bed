import type { Message } from "../../vocabulary/message.js";
import { sessionId } from "../../vocabulary/ids.js";
import type { RunningServer } from "../running.js";
import { mark, violate } from "../world.js";
import type { Ledger } from "./ledger.js";

/** S6a, S8: a client is given a session that a committed entry has opened. */
export function checkOpened(
  { world, committed }: Ledger,
  { process }: RunningServer,
  { session }: Extract<Message, { kind: "session-opened" }>,
): void {
  const index = Number(session.split(".")[1]);
  const at = committed[index - 1];
  const body = at?.entry.body;
  if (at === undefined) return violate(world, "S8", `${process.name} gives out ${session}; ${committed.length} is committed`);
  if (body?.kind !== "session-opened" || sessionId(at.view?.generation ?? 0, index, body.nonce) !== session)
    violate(world, "S6a", `${process.name} gives out ${session}, and entry ${index} has not opened it`);
}

/** S6f, S8: a client that goes on with its session is told of a committed resumption, and of all that its earlier lives have used. */
export function checkResumed(
  { world, committed, once }: Ledger,
  { process }: RunningServer,
  { session, index, resumption, highestSequence, replies }: Extract<Message, { kind: "session-resumed" }>,
): void {
  mark(world, "resumption-compared");
  const name = `${process.name} resumes ${session} by entry ${index}`;
  const body = committed[index - 1]?.entry.body;
  if (body?.kind !== "session-resumed" || body.session !== session) return violate(world, "S8", `${name}, which is not committed`);
  const life = once.lifeOf(session);
  // Expired or resumed again meanwhile.
  if (life === null || life.resumption !== resumption) return;
  if (life.highestSequence !== highestSequence)
    violate(world, "S6f", `${name} and says that ${highestSequence} was its highest number; it was ${life.highestSequence}`);
  for (const [sequence, executedBy] of replies) {
    const right = once.indexOf({ kind: "session", session, resumption, sequence, floor: 0 });
    if (right !== null && right !== executedBy)
      violate(
        world,
        "S6f",
        `${name} with number ${sequence} executed by entry ${executedBy}; it was ${right === 0 ? "not" : `by ${right}`}`,
      );
  }
}
