import { type ControlContent, refuseSuccession, type StoreRecord } from "../rm/core/content.js";
import type { RmEvent } from "../rm/core/event.js";
import { sameView } from "../vocabulary/view.js";
import { after, isAlive, mark, note, reach, type SimProcess, type World } from "./world.js";

/**
 * The store of the chain of views: linearizable, one compare-and-swap at a time, refuseSuccession inside it (S1c). A write that is under way
 * when its writer dies happens or not; with `unknownProbability` the writer lives and is told that nobody can say (S1d).
 */
export interface ControlStore {
  revision: number;
  content: ControlContent | null;
  /** Is told of each content that was written. */
  onWritten: (content: ControlContent, before: ControlContent | null) => void;
  unknownProbability: number;
  /** As it was before the last view. */
  before: ControlContent | null;
  /** While the store is found old: what it should be. */
  right: ControlContent | null;
}

export function createControlStore(): ControlStore {
  return { revision: 0, content: null, onWritten: () => {}, unknownProbability: 0, before: null, right: null };
}

export function readStore(world: World, store: ControlStore, process: SimProcess, done: (record: StoreRecord) => void): void {
  after(world, world.chance.disk.between(0.1, 1), () => {
    const record = { revision: store.revision, content: store.content };
    reach(process, () => done(record));
  });
}

export function swapStore(
  world: World,
  store: ControlStore,
  process: SimProcess,
  ticket: number,
  expectedRevision: number,
  content: ControlContent,
  done: (event: RmEvent) => void,
): void {
  const { disk } = world.chance;
  after(world, disk.between(world.settings.diskMinMs, world.settings.diskMaxMs), () => {
    const dead = !isAlive(process);
    if (dead && disk.happens(0.5)) return;
    if (disk.happens(store.unknownProbability)) {
      mark(world, "store-outcome-unknown");
      // Written, not written, or on its way for longer than its writer waits.
      const fate = disk.integer(0, 2);
      if (fate === 0) write(world, store, expectedRevision, content);
      if (fate === 1) after(world, disk.between(0, 100), () => void write(world, store, expectedRevision, content));
      after(world, disk.between(1, 50), () => reach(process, () => done({ kind: "store-unknown", ticket, reason: "the answer was lost" })));
      return;
    }
    const refusal = write(world, store, expectedRevision, content);
    const { revision } = store;
    reach(process, () =>
      done(refusal === null ? { kind: "store-swapped", ticket, revision } : { kind: "store-refused", ticket, reason: refusal }),
    );
  });
}

function write(world: World, store: ControlStore, expectedRevision: number, content: ControlContent): string | null {
  if (store.revision !== expectedRevision) return `the revision is ${store.revision}, not ${expectedRevision}`;
  const refusal = refuseSuccession(store.content, content);
  if (refusal !== null) return refusal;
  const before = store.content;
  if (before !== null && !sameView(before.groups[0]?.activeView ?? null, content.groups[0]?.activeView ?? null)) store.before = before;
  store.content = content;
  store.revision += 1;
  note(world, "store", "written", () => `revision ${store.revision}, term ${content.term}: ${viewText(content)}`);
  store.onWritten(content, before);
  return null;
}

export function viewText(content: ControlContent): string {
  return content.groups
    .map(({ spec, activeView: view }) =>
      view === null
        ? `${spec.group} has no view`
        : `${spec.group} ${view.epoch.join(".")} ${view.style} led by ${view.leader} of ${view.members.map((member) => member.replica).join(",")}`,
    )
    .join("; ");
}
