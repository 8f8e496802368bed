import { expect, it } from "vitest";
import { encodeRecord } from "./record-file.js";
import { readKnowledge } from "./replica-knowledge.js";
import { performOnDisk, type SimulatedDisk } from "./simulated-disk.js";
import { CONFIG, opened, persist } from "./store.test-rig.js";

const knowledgeOf = (disk: SimulatedDisk) => readKnowledge((operation) => performOnDisk(disk, operation), CONFIG.replica, CONFIG.clusterId);

function played(): SimulatedDisk {
  const rig = opened();
  persist(rig, 1, 3);
  return rig.disk;
}

it("of a whole folder says how far it reaches", () => {
  expect(knowledgeOf(played())).toMatchObject({ damage: null, incarnation: CONFIG.freshIncarnation, lastIndex: 3 });
});

it.each([
  ["identity", "TRPIDENT"],
  ["promise", "TRPPROMI"],
])("S1e: a folder whose %s another release wrote is not taken for an empty one", (path, magic) => {
  const disk = played();
  performOnDisk(disk, { kind: "write", ticket: 0, path, offsetBytes: 0, chunks: [encodeRecord({ magic, version: 9 }, {})] });
  performOnDisk(disk, { kind: "truncate", ticket: 0, path, sizeBytes: encodeRecord({ magic, version: 9 }, {}).length });
  expect(knowledgeOf(disk)).toMatchObject({ damage: expect.stringContaining(`${path}: `) });
  expect(knowledgeOf(disk)?.damage).toContain("another release");
});
