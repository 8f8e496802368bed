import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type EventLog, openEventLog, readEvents } from "./event-log.js";
import { createSubscribers } from "./subscribers.js";

/** A disk behind others can take its time. */
const SOON = { timeout: 20_000 };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "event-log-"));
});
afterEach(async () => {
  // What was added last may still be on its way: a file that comes while its folder is removed is in the way.
  for (const log of opened.splice(0)) {
    const last = log.after(0).at(-1)?.id ?? 0;
    await vi.waitFor(() => expect(readEvents(folder).at(-1)?.id ?? 0).toBeGreaterThanOrEqual(last), SOON);
  }
  rmSync(folder, { recursive: true });
});

const opened: EventLog[] = [];
function open(): EventLog {
  const log = openEventLog(folder);
  opened.push(log);
  return log;
}

const HAPPENED = { kind: "alive", text: "replica bank-1 is alive again" };
const path = (): string => join(folder, "events.ndjson");

test("numbers rise from life to life, and none is used twice that was told and has not come to the file", async () => {
  const first = open();
  for (let i = 0; i < 3; i++) first.add(HAPPENED, i);
  await vi.waitFor(() => expect(readEvents(folder)).toHaveLength(3), SOON);
  // As if it had been killed before the last two were written, or before any was.
  const lines = readFileSync(path(), "utf8").split("\n");
  for (const written of [lines.slice(0, 1), []]) {
    opened.length = 0;
    writeFileSync(path(), written.map((line) => `${line}\n`).join(""));
    expect(open().add(HAPPENED, 9).id).toBeGreaterThan(3);
    await vi.waitFor(() => expect(readEvents(folder)).toHaveLength(written.length + 1), SOON);
  }
});

test("the file of a Replication Manager that runs on and on is bounded", async () => {
  const log = open();
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < 1_000; i++) log.add(HAPPENED, i);
    const last = log.after(0).at(-1)?.id;
    await vi.waitFor(() => expect(readEvents(folder).at(-1)?.id).toBe(last), SOON);
  }
  expect(readFileSync(path(), "utf8").split("\n").length).toBeLessThan(12_000);
  expect(readEvents(folder).map(({ id }) => id)).toEqual(log.after(0).map(({ id }) => id));
});

test("S5c: a damage that was told is remembered over any number of later events and lives, and is not told again", async () => {
  const log = open();
  log.add({ kind: "damage-found", text: "the data of bank-1 cannot be used" }, 1);
  // Twice as many as the file takes before it is cut.
  for (let round = 0; round < 22; round++) {
    for (let i = 0; i < 1_000; i++) log.add(HAPPENED, i);
    const last = log.after(0).at(-1)?.id;
    await vi.waitFor(() => expect(readEvents(folder).at(-1)?.id).toBe(last), SOON);
  }
  expect(log.damagesSaid()).toHaveLength(1);
  for (let life = 0; life < 3; life++) expect(open().damagesSaid()).toEqual(["the data of bank-1 cannot be used"]);
  expect(open().after(0)).toHaveLength(1_000);
});

test("what a subscriber has heard and the file has lost (a full disk) is not numbered again: it would take the next ones for those", () => {
  const told: unknown[] = [];
  const connection = { send: (message: unknown) => void told.push(message) } as unknown as Parameters<
    ReturnType<typeof createSubscribers>["add"]
  >[0];
  const log = open();
  log.add(HAPPENED, 1);
  const subscribers = createSubscribers(log);
  subscribers.add(connection, 120);
  subscribers.tell([log.add(HAPPENED, 2)]);
  expect(told.at(-1)).toMatchObject({ kind: "events", events: [{ id: 121 }] });
});

test("a history that cannot be written costs nothing but itself", () => {
  mkdirSync(`${path()}.new`);
  const log = open();
  expect(log.add(HAPPENED, 1).id).toBe(1);
  rmdirSync(`${path()}.new`);
});
