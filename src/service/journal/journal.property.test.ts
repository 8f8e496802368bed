import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { captureState } from "./capture.js";
import { plainCopy } from "./copy-out.js";
import { applyRedo, beginScope, createJournal, endScope, redoOf, rollBack, settle } from "./journal.js";
import { containers, copy, operations, orderedText, perform, type Step } from "./random-program.test-fixture.js";
import { startRestore } from "./restore.js";
import { handleOf, type Journal, type Scope } from "./scope.js";
import { digestOf } from "./state-digest.js";

const textOf = (journal: Journal): string => orderedText(plainCopy(journal.root));

/** Runs an operation and leaves its scope open to be settled or rolled back. */
function operate(journal: Journal, program: readonly Step[]): { scope: Scope; redo: Uint8Array; results: unknown[] } {
  const scope = beginScope(journal, { writable: true, redo: true });
  const root = handleOf(scope, journal.root);
  const results = performAll(root, program);
  const redo = redoOf(scope);
  endScope(scope, "has ended");
  return { scope, redo, results };
}

function performAll(root: object, program: readonly Step[]): unknown[] {
  const pocket: object[] = [];
  return program.map((step) => perform(root, step, pocket));
}

function restoreFrom(slices: readonly Uint8Array[]): Journal {
  const restore = startRestore();
  for (const slice of slices) restore.addSlice(slice);
  return restore.finish();
}

/** Every container in the tree is in the index under its id, knows its parent, and nothing else is in the index. */
function checkIndex(journal: Journal): void {
  const reached = new Set<unknown>();
  const visit = (cell: Journal["root"], parent: unknown): void => {
    expect(cell.parent).toBe(parent);
    expect(journal.index.get(cell.id)).toBe(cell);
    reached.add(cell);
    const { data } = cell;
    const values = Array.isArray(data)
      ? data
      : "index" in data && data.index instanceof Map
        ? ((data.values as unknown[] | null) ?? [])
        : Object.values(data);
    for (const value of values) if (value instanceof journal.root.constructor) visit(value as Journal["root"], cell);
  };
  visit(journal.root, null);
  expect(journal.index.size).toBe(reached.size);
}

describe("journal, against plain data as oracle", () => {
  it("does on handles what the language does on plain data, and its redo does the same on a backup", () => {
    fc.assert(
      fc.property(containers, fc.array(operations, { maxLength: 8 }), (initial, program) => {
        const journal = createJournal(initial);
        const backup = createJournal(initial);
        const oracle = copy(initial) as object;
        for (const operation of program) {
          const { scope, redo, results } = operate(journal, operation);
          settle(scope);
          expect(results).toEqual(performAll(oracle, operation));
          expect(textOf(journal)).toBe(orderedText(oracle));
          applyRedo(backup, redo);
          expect(textOf(backup)).toBe(orderedText(oracle));
          expect(digestOf(backup.root)).toBe(digestOf(journal.root));
          expect(backup.nextId).toBe(journal.nextId);
        }
        checkIndex(journal);
        checkIndex(backup);
      }),
      { numRuns: 400 },
    );
  });

  it("S2c: an undo of several operations leaves the state as before, iteration order included", () => {
    fc.assert(
      fc.property(
        containers,
        fc.array(operations, { maxLength: 4 }),
        fc.array(operations, { maxLength: 5 }),
        operations,
        (initial, first, undone, last) => {
          const journal = createJournal(initial);
          const backup = createJournal(initial);
          for (const operation of first) {
            const { scope, redo } = operate(journal, operation);
            settle(scope);
            applyRedo(backup, redo);
          }
          const before = textOf(journal);
          const digest = digestOf(journal.root);
          const { nextId } = journal;
          const scopes = undone.map((operation) => operate(journal, operation).scope);
          for (const scope of scopes.reverse()) rollBack(scope);
          expect(textOf(journal)).toBe(before);
          expect(digestOf(journal.root)).toBe(digest);
          expect(journal.nextId).toBe(nextId);
          checkIndex(journal);
          // What it does from there on, followers do as well.
          const { scope, redo } = operate(journal, last);
          settle(scope);
          applyRedo(backup, redo);
          expect(textOf(backup)).toBe(textOf(journal));
        },
      ),
      { numRuns: 400 },
    );
  });

  it("S2c: of several operations under way, those released are on the backup, and those taken back are in no state", () => {
    const ends = fc.constantFrom("wait", "release", "refuse", "undo-all");
    fc.assert(
      fc.property(containers, fc.array(fc.tuple(operations, ends), { maxLength: 8 }), (initial, program) => {
        const journal = createJournal(initial);
        const backup = createJournal(initial);
        const waiting: { readonly scope: Scope; readonly redo: Uint8Array; readonly after: string }[] = [];
        let released = textOf(journal);
        for (const [operation, end] of program) {
          const before = textOf(journal);
          const { scope, redo } = operate(journal, operation);
          if (end === "refuse") {
            rollBack(scope);
            expect(textOf(journal)).toBe(before);
            continue;
          }
          waiting.push({ scope, redo, after: textOf(journal) });
          if (end === "release") {
            const oldest = waiting.shift();
            if (oldest === undefined) continue;
            settle(oldest.scope);
            applyRedo(backup, oldest.redo);
            released = oldest.after;
            expect(textOf(backup)).toBe(released);
          }
          if (end === "undo-all") {
            for (const { scope: each } of waiting.splice(0).reverse()) rollBack(each);
            expect(textOf(journal)).toBe(released);
            expect(digestOf(journal.root)).toBe(digestOf(backup.root));
            checkIndex(journal);
          }
        }
        checkIndex(backup);
      }),
      { numRuns: 400 },
    );
  });

  it("a snapshot holds the state of its moment, whatever happens while it is taken", () => {
    fc.assert(
      fc.property(
        containers,
        fc.array(operations, { maxLength: 3 }),
        fc.array(fc.tuple(operations, fc.boolean(), fc.nat(4)), { maxLength: 8 }),
        fc.record({
          sliceBytes: fc.integer({ min: 1, max: 60 }),
          blockBytes: fc.integer({ min: 1, max: 60 }),
          fillBytes: fc.integer({ min: 1, max: 60 }),
          wholeCopyMax: fc.nat(3),
        }),
        (initial, before, during, sizes) => {
          const journal = createJournal(initial);
          for (const operation of before) settle(operate(journal, operation).scope);
          const expected = textOf(journal);
          const capture = captureState(journal, sizes);
          const slices: Uint8Array[] = [];
          // The same memory for all of them, as long as it is large enough.
          const room = new Uint8Array(20);
          const next = (): Uint8Array | null => capture.next(room.fill(255))?.slice() ?? null;
          for (const [operation, undo, pull] of during) {
            const { scope } = operate(journal, operation);
            if (undo) rollBack(scope);
            else settle(scope);
            for (let pulled = 0; pulled < pull; pulled += 1) {
              const slice = next();
              if (slice === null) break;
              expect(slice.length).toBeLessThanOrEqual(sizes.sliceBytes);
              slices.push(slice);
            }
          }
          for (let slice = next(); slice !== null; slice = next()) slices.push(slice);
          const restored = restoreFrom(slices);
          expect(textOf(restored)).toBe(expected);
          checkIndex(restored);
          expect(journal.capture).toBe(null);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("keeps all that for large containers too, where entries are journaled by their place and holes are closed", () => {
    const churn = fc.array(
      fc.record({ target: fc.nat(3), key: fc.nat(400), action: fc.nat(9), end: fc.constantFrom("settle", "undo", "pull") }),
      { minLength: 50, maxLength: 400 },
    );
    fc.assert(
      fc.property(churn, fc.nat(300), (changes, captureAt) => {
        const initial = largeState();
        const journal = createJournal(initial);
        const backup = createJournal(initial);
        const oracle = largeState();
        let capture: ReturnType<typeof captureState> | null = null;
        let expected = "";
        const slices: Uint8Array[] = [];
        for (const [at, change] of changes.entries()) {
          if (at === captureAt % changes.length) {
            expected = textOf(journal);
            capture = captureState(journal, { sliceBytes: 200, blockBytes: 300, fillBytes: 150, wholeCopyMax: 16 });
          }
          const scope = beginScope(journal, { writable: true, redo: true });
          churnOnce(handleOf(scope, journal.root) as LargeState, change);
          const redo = redoOf(scope);
          endScope(scope, "has ended");
          if (change.end === "undo") rollBack(scope);
          else {
            settle(scope);
            churnOnce(oracle, change);
            applyRedo(backup, redo);
          }
          const slice = change.end === "pull" ? (capture?.next() ?? null) : null;
          if (slice !== null) slices.push(slice);
        }
        expect(textOf(journal)).toBe(orderedText(oracle));
        expect(textOf(backup)).toBe(orderedText(oracle));
        for (let slice = capture?.next() ?? null; slice !== null; slice = capture?.next() ?? null) slices.push(slice);
        const restored = restoreFrom(slices);
        expect(textOf(restored)).toBe(expected);
        checkIndex(restored);
        checkIndex(journal);
      }),
      { numRuns: 60 },
    );
  });
});

interface LargeState {
  map: Map<number, { n: number }>;
  set: Set<number>;
  object: Record<string, number>;
  list: { n: number }[];
}

function largeState(): LargeState {
  const numbers = Array.from({ length: 150 }, (_, at) => at);
  return {
    map: new Map(numbers.map((n) => [n, { n }])),
    set: new Set(numbers),
    object: Object.fromEntries(numbers.slice(0, 60).map((n) => [n % 3 === 0 ? String(n) : `k${n}`, n])),
    list: numbers.map((n) => ({ n })),
  };
}

function churnOnce(state: LargeState, { target, key, action }: { target: number; key: number; action: number }): void {
  if (target === 0) {
    const entry = state.map.get(key);
    if (action === 0 && key < 20) state.map.clear();
    else if (action < 6) state.map.delete(key % 150);
    else if (entry !== undefined) entry.n += 1;
    else state.map.set(key, { n: 1_000 + key });
  } else if (target === 1) {
    if (action < 6) state.set.delete(key % 150);
    else state.set.add(key);
  } else if (target === 2) {
    const name = key % 3 === 0 ? String(key) : `k${key}`;
    if (action < 4) delete state.object[name];
    else state.object[name] = action;
  } else if (action < 5) {
    const [taken] = state.list.splice(key % 150, 1);
    if (taken !== undefined) state.list.push(taken);
  } else state.list.splice(key % 150, 2, { n: key });
}
