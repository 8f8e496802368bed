import { writeSync } from "node:fs";
import { isEnd, type Life, lastIndexOf, live, recoverFolder } from "./real-store.js";

/**
 * A process of its own that recovers a store and writes to it until the disk fails or it is killed. Each line on stdout is JSON: first what
 * was recovered, then, after each batch, what has been acknowledged.
 */
const [folder = "", batchesText = "0"] = process.argv.slice(2);
const say = (value: object): void => void writeSync(1, `${JSON.stringify(value)}\n`);

const { store, first } = await recoverFolder(folder);
if (first.kind !== "recovered") {
  say(first);
  process.exit(3);
}
const life: Life = { acked: lastIndexOf(first), promised: first.promise[0], published: first.snapshot?.meta.index ?? 0 };
say({ recovered: true, ...life });
for (let batch = 0; batch < Number(batchesText); batch += 12) {
  // Twelve batches with three promises and two snapshots among them.
  const end = await live(store, life, life.acked + 1, 12, () => say(life));
  if (end !== null && isEnd(end)) {
    say(end);
    process.exit(4);
  }
}
process.exit(0);
