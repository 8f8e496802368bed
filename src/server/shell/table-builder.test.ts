import { expect, it } from "vitest";
import { sessionId } from "../../vocabulary/ids.js";
import type { TableImage, TableReply } from "../../vocabulary/session.js";
import { tallyOf } from "../core/tally.js";
import { imageOf } from "../core/testing/table.js";
import { buildTable } from "./table-builder.js";

const reply = (index: number): TableReply => ({ index, digest: 7, reply: { refused: false, bytes: new Uint8Array([index % 256]) } });

function imageWith(sessions: number, keys: number): TableImage {
  return {
    sessions: Array.from({ length: sessions }, (_, at) => ({
      session: sessionId(1, at + 1, "ab"),
      resumption: 1,
      floor: 2,
      renewedAtAgeMs: at,
      replies: [
        [2, reply(at)],
        [5, reply(at + 1)],
      ],
    })),
    keys: Array.from({ length: keys }, (_, at) => ({ key: `k${at}`, atAgeMs: at, reply: reply(at) })),
  };
}

it("makes a large table a piece a turn, whole and in its order", () => {
  const image = imageWith(700, 5_000);
  const turns: (() => void)[] = [];
  let built: ReturnType<typeof imageOf> | null = null;
  buildTable(
    image,
    (_, run) => turns.push(run),
    (table) => {
      built = imageOf(table);
      expect(table.tally).toEqual(tallyOf(table));
    },
  );
  let count = 0;
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    expect(built).toBeNull();
    count += 1;
    turn();
  }
  expect(built).toEqual(image);
  expect(count).toBeGreaterThan(10);
});

it("makes a small one at once", () => {
  const image = imageWith(3, 4);
  let built: ReturnType<typeof imageOf> | null = null;
  buildTable(
    image,
    () => expect.unreachable(),
    (table) => {
      built = imageOf(table);
    },
  );
  expect(built).toEqual(image);
});
