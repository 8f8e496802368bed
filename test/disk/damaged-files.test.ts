import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Life, lastIndexOf, live, lossOf, openRealStore, recoverFolder, scratchFolder } from "./real-store.js";

/** Files of a replica that has lived: identity, promise, segments (one sealed, one open, a spare, a free one), a snapshot. */
let folder = "";
let files: readonly string[] = [];
const life: Life = { acked: 0, promised: 0, published: 0 };

beforeAll(async () => {
  folder = scratchFolder("life");
  const store = openRealStore(folder);
  store.submit({ kind: "recover" });
  await store.until((result) => result.kind === "recovered");
  expect(await live(store, life, 1, 30)).toBeNull();
  files = await quiet();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The names, once they stay the same: what the last batch set going is done. */
async function quiet(): Promise<readonly string[]> {
  for (let before = ""; ; ) {
    const now = readdirSync(folder).sort();
    if (now.join() === before && now.every((name) => !name.startsWith("snapshot-new"))) return now;
    before = now.join();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** xorshift: the same places in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const KINDS = ["identity", "promise", "segment-", "free-", "snapshot-"];

/** A copy of the folder in which one file was changed, and what a start makes of it. */
async function startWith(name: string, change: (path: string) => string): Promise<{ verdict: string; what: string }> {
  const copy = scratchFolder("copy");
  cpSync(folder, copy, { recursive: true });
  const what = change(join(copy, name));
  const { first, store } = await recoverFolder(copy);
  let verdict: string = first.kind;
  if (first.kind === "damaged") expect(first.where, what).toContain(name);
  else {
    const loss = lossOf(first, life);
    expect(loss, `${what}: ${loss}`).toBeNull();
    if (first.kind === "recovered") {
      // It was whole enough, and it goes on.
      expect(await live(store, { ...life }, lastIndexOf(first) + 1, 2), what).toBeNull();
      verdict = "whole";
    }
  }
  rmSync(copy, { recursive: true, force: true });
  return { verdict, what };
}

describe("damage to real files", () => {
  it("a life has left every kind of file", () => {
    for (const kind of KINDS) expect(files.filter((name) => name.startsWith(kind)).length, kind).toBeGreaterThan(0);
    expect(files.filter((name) => name.startsWith("segment-")).length).toBeGreaterThan(1);
  });

  it.each(KINDS)("S5d: bits flipped at random places of %s are told, or cost nothing that was acknowledged", async (kind) => {
    const next = randomFrom(kind.length * 7_919 + 1);
    const verdicts = new Map<string, number>();
    for (const name of files.filter((each) => each.startsWith(kind))) {
      for (let run = 0; run < 24; run++) {
        const { verdict } = await startWith(name, (path) => {
          const bytes = readFileSync(path);
          const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
          // Mostly where something stands.
          const at = next(run % 6 === 0 ? bytes.length : used);
          const flips = 1 + next(3);
          for (let flip = 0; flip < flips; flip++) bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
          writeFileSync(path, bytes);
          return `${name}, byte ${at} of ${bytes.length}`;
        });
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      }
    }
    if (kind !== "free-" && kind !== "promise") expect(verdicts.get("damaged") ?? 0).toBeGreaterThan(10);
    else expect([...verdicts.keys()]).toEqual(["whole"]);
  });

  it.each(KINDS)("S5d: %s cut off at random places is told, or costs nothing that was acknowledged", async (kind) => {
    const next = randomFrom(kind.length * 104_729 + 3);
    for (const name of files.filter((each) => each.startsWith(kind))) {
      for (let run = 0; run < 12; run++) {
        await startWith(name, (path) => {
          const { length } = readFileSync(path);
          const size = next(length);
          truncateSync(path, size);
          return `${name}, ${size} of ${length} bytes left`;
        });
      }
    }
  });

  it.each(KINDS)("S5d: %s gone altogether is told, or costs nothing that was acknowledged", async (kind) => {
    for (const name of files.filter((each) => each.startsWith(kind))) {
      const copy = scratchFolder("gone");
      cpSync(folder, copy, { recursive: true });
      rmSync(join(copy, name));
      const { first } = await recoverFolder(copy);
      if (first.kind === "recovered") expect(lossOf(first, life), `${name} is gone`).toBeNull();
      else expect(first.kind, `${name} is gone`).toBe("damaged");
      rmSync(copy, { recursive: true, force: true });
    }
  });
});
