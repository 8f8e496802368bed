/** Worlds that are the same but for names are taken for one another: that this is sound, and what it saves. */
import { describe, expect, test } from "vitest";
import { explore } from "../../src/explore/exploration.js";
import { opening } from "../../src/explore/opening.js";
import { type Scope, scopeNamed } from "../../src/explore/scope.js";
import { successors } from "../../src/explore/successors.js";
import { orbitSize, twinOf } from "../../src/explore/twins.js";
import { createSpace, type Space } from "../../src/explore/world.js";

function scopeOf(name: string, changes: Partial<Scope>): Scope {
  const scope = scopeNamed(name);
  if (scope === undefined) throw new Error(`no scope ${name}`);
  return { ...scope, ...changes };
}

/** Of each kind of names: replicas, clients' requests, Replication Managers, and replicas and requests at once. */
const SCOPES: readonly { readonly what: string; readonly scope: Scope; readonly renamings: number }[] = [
  { what: "replicas", scope: scopeOf("small-rivals", {}), renamings: 1 },
  { what: "replicas outside the first view", scope: scopeOf("small-spare", { members: 2, spares: 2 }), renamings: 1 },
  { what: "managers", scope: scopeOf("small-rivals", { members: 2, rms: 3 }), renamings: 1 },
  {
    what: "replicas and requests",
    scope: scopeOf("small-steady", { requests: 2, keyed: true, restarts: 0, heartbeats: 0, statesMax: 2_000 }),
    renamings: 3,
  },
  {
    what: "requests, where the real core is the manager",
    scope: scopeOf("small-core", { members: 2, requests: 2, keyed: true, attempts: 0, suspicions: 0 }),
    renamings: 1,
  },
];

interface Seen {
  readonly rows: Set<string>;
  readonly violations: string[];
}

function following(space: Space, row: Int32Array): Seen {
  const seen: Seen = { rows: new Set(), violations: [] };
  successors(space, row, false, (next, _, violation) => {
    if (violation !== null) seen.violations.push(violation);
    else seen.rows.add(next.join(" "));
    return false;
  });
  return seen;
}

/** Looks at the first worlds of a scope, breadth first. */
function walk(space: Space, worldsMax: number, visit: (row: Int32Array, next: Seen) => void): void {
  const root = opening(space);
  const reached = new Set([root.join(" ")]);
  const queue = [root];
  for (let row = queue.shift(); row !== undefined && reached.size < worldsMax; row = queue.shift()) {
    const next = following(space, row);
    visit(row, next);
    for (const text of next.rows) {
      if (reached.has(text)) continue;
      reached.add(text);
      queue.push(Int32Array.from(text.split(" "), Number));
    }
  }
}

function renamedRows(space: Space, twin: Space["twins"][number], rows: Iterable<string>): Set<string> {
  const into = new Int32Array(space.layout.width);
  return new Set(
    [...rows].map((text) => {
      twinOf(space, twin, Int32Array.from(text.split(" "), Number), into);
      return into.join(" ");
    }),
  );
}

describe("a world's twin behaves as the world does, under the other names:", () => {
  test.each(SCOPES)("$what", ({ scope, renamings }) => {
    const space = createSpace(scope);
    expect(space.twins.length).toBe(renamings);
    let others = 0;
    walk(space, 1_000, (row, next) => {
      expect(next.violations).toEqual([]);
      for (const twin of space.twins) {
        const made = new Int32Array(row.length);
        twinOf(space, twin, row, made);
        if (made.join(" ") !== row.join(" ")) others++;
        expect(following(space, made).rows).toEqual(renamedRows(space, twin, next.rows));
      }
    });
    expect(others).toBeGreaterThan(100);
  });
});

describe("what stands for others stands for all that can be reached, and no more:", () => {
  test.each(SCOPES.filter(({ scope }) => scope.statesMax > 2_000))("$what", ({ scope }) => {
    const merged = explore(scope);
    const whole = explore({ ...scope, merges: false });
    expect([merged.complete, whole.complete]).toEqual([true, true]);
    expect([merged.violation, whole.violation]).toEqual([null, null]);
    expect(merged.worlds).toBe(whole.states);
    expect(merged.states).toBeLessThan(whole.states * 0.6);
    expect(merged.depth).toBe(whole.depth);
  });
});

test("what begins differently is not exchanged", () => {
  const count = (changes: Partial<Scope>): number => createSpace(scopeOf("small", changes)).twins.length;
  expect(count({ members: 3, spares: 2 })).toBe(3);
  expect(count({ members: 4, requests: 2, keyed: true, rms: 3 })).toBe(23);
  expect(count({ manager: "core" })).toBe(0);
  expect(count({ search: "disturbances" })).toBe(0);
  expect(count({ requests: 2 })).toBe(1);
  expect(count({ merges: false })).toBe(0);
  expect(count({ checkpointEntries: 2 })).toBe(0);
});

test("a world that has no twin but itself stands for one", () => {
  const space = createSpace(scopeOf("small-rivals", {}));
  expect(orbitSize(space, opening(space))).toBe(1);
});
