import type { TableImage, TableReply } from "../../../vocabulary/session.js";
import { entriesOf } from "../aged-map.js";
import type { Remembered, SessionTable } from "../session-record.js";

/** All rows of the table as it is. Told apart from a capture, which marks what it has given out. */
export function imageOf(table: SessionTable): TableImage {
  return {
    sessions: [...table.sessions].map(([session, { resumption, floor, renewedAtAgeMs, replies }]) => ({
      session,
      resumption,
      floor,
      renewedAtAgeMs,
      replies: [...replies].map(([sequence, remembered]) => [sequence, replyOf(remembered)] as const),
    })),
    keys: [...entriesOf(table.keys)].map(([key, { atAgeMs, remembered }]) => ({ key, atAgeMs, reply: replyOf(remembered) })),
  };
}

function replyOf({ index, digest, reply }: Remembered): TableReply {
  if (reply === null) throw new Error(`the reply of entry ${index} is not known yet`);
  return { index, digest, reply };
}
