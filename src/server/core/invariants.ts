/** What must be true of a replica after every turn (cheap, always on), and what tests and the simulator look at besides. */
import { assert } from "../../vocabulary/assert.js";
import { compareEpochs, epochText, sameEpoch } from "../../vocabulary/epoch.js";
import { assertStart } from "./activation.js";
import { entriesOf } from "./aged-map.js";
import { fifoSize } from "./fifo.js";
import { entrySizeBytes, lastEpoch, lastIndex, logBytes } from "./log.js";
import type { Replica } from "./state.js";
import { tallyOf } from "./tally.js";

function range(condition: boolean, rule: string, replica: Replica): void {
  const { log } = replica;
  assert(condition, rule, () => {
    const indexes = `base ${log.base.index} applied ${replica.appliedIndex} issued ${replica.issuedIndex} commit ${replica.commitIndex}`;
    return `${replica.config.replica}: ${indexes} persisted ${log.persistedIndex} written ${log.submittedIndex} last ${lastIndex(log)}`;
  });
}

/** O(1). */
export function checkInvariants(replica: Replica): void {
  const { log, stance, activeView } = replica;
  range(replica.appliedIndex <= replica.issuedIndex && replica.issuedIndex <= replica.commitIndex, "S8", replica);
  range(replica.commitIndex <= lastIndex(log), "S4c", replica);
  range(log.persistedIndex <= log.submittedIndex && log.submittedIndex <= lastIndex(log), "S2b", replica);
  range(log.base.index <= (replica.snapshot?.index ?? 0), "S5b", replica);
  range((replica.snapshot?.index ?? 0) <= replica.appliedIndex, "S5b", replica);
  // S6b: without the state, table and indexes are those of the snapshot that the state will come from.
  if (replica.warmth !== "warm") range(replica.issuedIndex === (replica.snapshot?.index ?? 0), "S6b", replica);
  // S2a, L4: the promise is made before anything that it covers.
  assert(compareEpochs(lastEpoch(log), replica.promise) <= 0, "L4", () => `entries of ${epochText(lastEpoch(log))}`);
  assert(compareEpochs(replica.durablePromise, replica.promise) <= 0, "S2a");
  assert(activeView === null || compareEpochs(activeView.epoch, replica.promise) <= 0, "S1e");
  if (stance.kind === "following") assert(sameEpoch(stance.epoch, replica.promise), "S2a", () => "follows below its promise");
  if (stance.kind !== "leading") {
    assert(replica.execution.unreleasedCount === 0 && fifoSize(replica.execution.speculating) === 0, "S2c");
    return;
  }
  assert(sameEpoch(stance.view.epoch, replica.promise), "S2a", () => "leads below its promise");
  if (stance.phase !== "active") assert(replica.commitIndex < stance.startIndex, "S4c");
  if (stance.serving) assert(replica.warmth === "warm", "S6c", () => "serves without the state");
  if (stance.serving) assert(stance.phase === "active" && replica.appliedIndex >= stance.startIndex, "S6c");
  assert(stance.startedCount <= fifoSize(stance.line), "line");
}

/** Everything, at a cost: for tests and the simulator. */
export function checkAll(replica: Replica): void {
  checkInvariants(replica);
  const { log, table, stance } = replica;
  let epoch = log.base.epoch;
  let bytes = 0;
  let ageMs = 0;
  let logTimeMs = 0;
  for (const [i, entry] of log.entries.entries()) {
    assert(entry.index === log.base.index + 1 + i, "L1", () => `entry ${entry.index} at ${log.base.index + 1 + i}`);
    assert(compareEpochs(entry.epoch, epoch) >= 0, "L1", () => `epochs fall at ${entry.index}`);
    assert(
      sameEpoch(entry.epoch, epoch) || entry.body.kind === "start",
      "S4a",
      () => `epoch ${epochText(entry.epoch)} begins without a start`,
    );
    assert(entry.ageMs >= ageMs, "S6e", () => `age falls at ${entry.index}`);
    if (entry.body.kind === "request") {
      const { nowMs } = entry.body;
      assert(nowMs >= logTimeMs, "S9", () => `log time falls from ${logTimeMs} to ${nowMs} at ${entry.index}`);
      logTimeMs = nowMs;
    }
    epoch = entry.epoch;
    ageMs = entry.ageMs;
    bytes += entrySizeBytes(entry);
  }
  assert(
    replica.logTimeMs >= Math.max(logTimeMs, replica.issuedLogTimeMs),
    "S9",
    () => `log time ${replica.logTimeMs} is behind the log's`,
  );
  assert(bytes === logBytes(log), "log", () => `${bytes} bytes, counted ${logBytes(log)}`);
  let renewedAtAgeMs = 0;
  for (const session of table.sessions.values()) {
    assert(session.renewedAtAgeMs >= renewedAtAgeMs, "S6e", () => "sessions out of order of age");
    renewedAtAgeMs = session.renewedAtAgeMs;
    for (const sequence of session.replies.keys()) assert(sequence >= session.floor, "S6b", () => `number ${sequence} below the floor`);
  }
  let atAgeMs = 0;
  for (const [, key] of entriesOf(table.keys)) {
    assert(key.atAgeMs >= atAgeMs, "S6g", () => "keys out of order of age");
    atAgeMs = key.atAgeMs;
  }
  const { tally } = table;
  const counted = tallyOf(table);
  assert(
    tally.count === counted.count && tally.bytes === counted.bytes && tally.keyBytes === counted.keyBytes,
    "S6b",
    () => `${JSON.stringify(counted)} remembered, counted ${JSON.stringify(tally)}`,
  );
  if (stance.kind !== "leading") return;
  assertStart(replica, stance);
  for (const item of stance.pending.values()) {
    assert(item.index === 0 || item.index > replica.appliedIndex, "S6c", () => `${item.key} is applied and still waits`);
  }
}
