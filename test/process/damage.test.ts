import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { httpCaller, troupeCaller } from "./harness/caller.js";
import { whileClosed } from "./harness/closed.js";
import { eventsOf } from "./harness/events.js";
import { groupOf, type Installation, rolesOf, startInstallation, untilWhole } from "./harness/installation.js";
import { kill } from "./harness/process-table.js";
import { until } from "./harness/wait.js";

let at: Installation;
/** What was added and acknowledged. */
let sum = 0;

beforeAll(async () => {
  at = await startInstallation({ style: "warm-passive", service: "counter", group: "counter", settings: { checkpointEntries: 100 } });
  await untilWhole(at);
  await add(150);
});

afterAll(async () => {
  await at.dispose(false);
});

const dataOf = (replica: string): string => join(at.dir, "replicas", replica, "data");

const filesOf = (replica: string, prefix: string): string[] =>
  readdirSync(dataOf(replica))
    .filter((name) => name.startsWith(prefix))
    .sort()
    .map((name) => join(dataOf(replica), name));

/** Turns one bit over at each of the places that `choose` names; it is told how many bytes something stands in. */
function flip(path: string | undefined, choose: (usedBytes: number) => readonly number[]): void {
  if (path === undefined) throw new Error("there is no such file");
  const bytes = readFileSync(path);
  for (const at of choose(bytes.findLastIndex((byte) => byte !== 0) + 1)) bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** The segment that is written to: the one behind it, if there is one, is only made ready. */
const logOf = (replica: string): string | undefined =>
  filesOf(replica, "segment-").find((path) =>
    readFileSync(path)
      .subarray(32)
      .some((byte) => byte !== 0),
  );

const PROMISE_SLOT_BYTES = 8_192;
const MARK_BYTES = 32;

const DAMAGES: readonly { what: string; said: RegExp; strike: (replica: string) => void }[] = [
  // First: a replica that was rebuilt may not have taken one yet.
  {
    what: "the snapshot",
    said: /snapshot-\d+.*checksum/,
    strike: (replica) => flip(filesOf(replica, "snapshot-").at(-1), (used) => [used >> 1]),
  },
  { what: "a record in the middle of the log", said: /segment-\d+ at offset \d+/, strike: (replica) => flip(logOf(replica), () => [100]) },
  {
    what: "the last acknowledged record",
    said: /segment-\d+ at offset \d+.*was synced/,
    strike: (replica) => flip(logOf(replica), (used) => [used - MARK_BYTES - 1]),
  },
  { what: "a missing segment", said: /segment-\d+.*no segment of its log/, strike: (replica) => rmSync(logOf(replica) ?? "") },
  {
    what: "the promise, both slots of it",
    said: /promise.*neither slot is whole/,
    strike: (replica) => flip(filesOf(replica, "promise")[0], () => [20, PROMISE_SLOT_BYTES + 20]),
  },
  { what: "the incarnation", said: /identity/, strike: (replica) => flip(filesOf(replica, "identity")[0], (used) => [used - 5]) },
];

const damagesSaid = async () => (await eventsOf(at)).filter(({ kind }) => kind === "damage-found");

async function add(count: number): Promise<void> {
  const caller = await troupeCaller(at);
  for (let time = 0; time < count; time++) {
    expect(await caller.operate("add", 1)).toMatchObject({ outcome: "ok" });
    sum += 1;
  }
  await caller.close();
}

it.each(DAMAGES)(
  "S5c: $what: the replica comes back as a new incarnation, and an event says what was found, where, and where it is kept",
  async ({ said, strike }) => {
    await add(5);
    const { followers } = await rolesOf(at);
    const [victim] = followers;
    const before = (await groupOf(at))?.members.find(({ replica }) => replica === victim)?.incarnation;
    const saidBefore = await damagesSaid();
    // It reads none of this while it runs.
    strike(victim);
    await kill(at.dir, victim);
    await until(`${victim} is back as another one`, 20_000, async () => {
      const found = (await groupOf(at))?.members.find(({ replica }) => replica === victim)?.incarnation;
      return found !== undefined && found !== before ? { found } : { seen: `${found}` };
    });
    await untilWhole(at);
    const told = (await damagesSaid()).slice(saidBefore.length);
    expect(told).toMatchObject([{ replica: victim, text: expect.stringMatching(said) }]);
    expect(told[0]?.text).toMatch(/new incarnation/);
    const keptIn = readdirSync(join(at.dir, "replicas", victim))
      .filter((name) => /^damaged-\d+$/.test(name))
      .at(-1);
    expect(told[0]?.text).toContain(join(at.dir, "replicas", victim, keptIn ?? ""));
    expect(await httpCaller(at).query("get", null)).toMatchObject({ result: sum });
  },
);

it("S5c: with too many damaged the group stays closed, and says which it waits for", async () => {
  await add(5);
  const { followers } = await rolesOf(at);
  await at.stop();
  for (const replica of followers) flip(logOf(replica), () => [100]);
  await whileClosed(at, async () => {
    const waiting = await until("the group says what it waits for", 20_000, async () => {
      const found = (await groupOf(at))?.waiting ?? "";
      return found.includes("troupe recover --accept-data-loss") ? { found } : { seen: found };
    });
    for (const replica of followers) expect(waiting).toContain(`${replica} runs without its data`);
    expect(waiting).toContain(`waits for ${[...followers].sort().join(", ")} to come back`);
    expect((await groupOf(at))?.serving).toBe(false);
  });
});
