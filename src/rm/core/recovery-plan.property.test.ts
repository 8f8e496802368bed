import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { compareEpochs, EPOCH_ZERO, type Epoch } from "../../vocabulary/epoch.js";
import { bootId, clusterId, hostId, type Incarnation, incarnation, replicaId } from "../../vocabulary/ids.js";
import { quorumSize } from "../../vocabulary/style.js";
import { type Member, sealQuorum, type View } from "../../vocabulary/view.js";
import { GROUP, SPEC } from "./fake-server.test-harness.js";
import { type FoundReplica, planRecovery } from "./recovery-plan.js";

/** One folder as the protocol leaves it; `number` from 1. */
interface Folder {
  readonly number: number;
  incarnation: Incarnation;
  promise: Epoch;
  activeView: View | null;
  begun: View[];
}

interface Change {
  readonly sealed: number;
  readonly learner: number;
  readonly reach: number;
  readonly told: number;
  readonly written: boolean;
}

const SIZE = 5;
const bit = (bits: number, number: number): boolean => ((bits >> number) & 1) === 1;
const lifeOf = (number: number, time: number): Incarnation => incarnation(`${number}${time}`.padEnd(32, "0"));
const lastBegun = (folder: Folder): Epoch => folder.begun.at(-1)?.epoch ?? EPOCH_ZERO;

/** A chain of view changes by the rules (S2a, S3, S4), of which each may stop at any step. Returns the last active view. */
function play(folders: readonly Folder[], changes: readonly Change[]): View | null {
  let active: View | null = null;
  for (const [at, { sealed, learner, reach, told, written }] of changes.entries()) {
    const epoch: Epoch = [1, at + 1];
    const base: View | null = active;
    const asked =
      base === null ? folders.slice(0, 3) : folders.filter((folder) => base.members.some((one) => one.incarnation === folder.incarnation));
    const answered = asked.filter((folder) => bit(sealed, folder.number));
    for (const folder of answered) folder.promise = epoch;
    if (answered.length < (base === null ? asked.length : sealQuorum(base))) continue;
    const leader = answered.reduce((best, folder) => (compareEpochs(lastBegun(folder), lastBegun(best)) > 0 ? folder : best));
    const extra = folders.filter((folder) => folder.number === learner && !answered.includes(folder));
    const members = [...answered, ...extra];
    const view: View = {
      group: GROUP,
      generation: 1,
      epoch,
      members: members.map(({ number, incarnation: life }): Member => ({ replica: replicaId(`bank-${number}`), incarnation: life })),
      leader: replicaId(`bank-${leader.number}`),
      style: "active",
      quorum: quorumSize(members.length, "majority"),
      durability: "disk",
    };
    const history = [...leader.begun, view];
    const reached = members.filter((folder) => folder === leader || bit(reach, folder.number));
    for (const folder of reached) [folder.promise, folder.begun] = [epoch, history];
    if (reached.length < view.quorum || !written) continue;
    active = view;
    for (const folder of reached) if (bit(told, folder.number)) folder.activeView = view;
  }
  return active;
}

const bits = fc.integer({ min: 0, max: 63 });
const someBits = fc.oneof(bits, fc.constant(63));
const change = fc.record({
  sealed: someBits,
  learner: fc.integer({ min: 0, max: SIZE }),
  reach: someBits,
  told: someBits,
  written: fc.boolean(),
});

test.prop([fc.array(change, { minLength: 1, maxLength: 7 }), bits, bits], { numRuns: 3_000 })(
  "S1e: a rebuilt store never forgets a view that was active, whatever is damaged or gone; and when nothing is, it is always rebuilt",
  (changes, damaged, gone) => {
    const folders = Array.from(
      { length: SIZE },
      (_, at): Folder => ({
        number: at + 1,
        incarnation: lifeOf(at + 1, 1),
        promise: EPOCH_ZERO,
        activeView: null,
        begun: [],
      }),
    );
    const active = play(folders, changes);
    const found = folders.flatMap((folder): FoundReplica[] => {
      const { number, promise, activeView, begun } = folder;
      if (bit(gone, number)) return [];
      const epoch = lastBegun(folder);
      const isDamaged = bit(damaged, number);
      return [
        {
          replica: replicaId(`bank-${number}`),
          incarnation: folder.incarnation,
          damage: isDamaged ? "a bit was turned" : null,
          promise,
          activeView: isDamaged ? null : activeView,
          lastEpoch: epoch,
          lastIndex: begun.length,
          begun: isDamaged ? [] : begun,
        },
      ];
    });
    const plan = planRecovery(
      {
        clusterId: clusterId("c".repeat(32)),
        owner: bootId("b".repeat(32)),
        host: hostId("host-1"),
        hosts: new Map(),
        detectors: { lfd: { heartbeatIntervalMs: 20, suspicionTimeoutMs: 150 }, gfd: { heartbeatIntervalMs: 50, suspicionTimeoutMs: 500 } },
        spec: { ...SPEC, durability: "disk" },
        store: { kind: "missing" },
        replicas: found,
        expected: [],
        knownTerm: 0,
      },
      false,
    );
    const isAll = (damaged & 62) === 0 && (gone & 62) === 0;
    if (isAll && active !== null) expect(plan.kind).toBe("rebuild");
    if (plan.kind !== "rebuild" || active === null) return;
    const view = plan.content.groups[0]?.activeView;
    if (view === null || view === undefined) throw new Error("the view was forgotten");
    expect(compareEpochs(view.epoch, active.epoch)).toBeGreaterThanOrEqual(0);
    // S3: whoever answers the next Seal, the best of them knows what was active.
    const answering = folders.filter(
      ({ number, incarnation: life }) =>
        !bit(gone, number) && !bit(damaged, number) && view.members.some((one) => one.incarnation === life),
    );
    for (let subset = 0; subset < 1 << answering.length; subset++) {
      const answers = answering.filter((_, at) => bit(subset, at));
      const [first] = answers;
      if (first === undefined || answers.length < sealQuorum(view)) continue;
      const best = answers.reduce((one, other) => (compareEpochs(lastBegun(other), lastBegun(one)) > 0 ? other : one));
      expect(best.begun.map(({ epoch }) => epoch)).toContainEqual(active.epoch);
    }
  },
);
