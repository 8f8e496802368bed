import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { troupe } from "./harness/command.js";
import { eventsOf } from "./harness/events.js";
import { type Installation, rolesOf, startInstallation, untilWhole } from "./harness/installation.js";

let at: Installation;

beforeEach(async () => {
  at = await startInstallation({ style: "warm-passive", service: "counter", group: "counter" });
  await untilWhole(at);
});

afterEach(async () => {
  await at.dispose(false);
});

const dataOf = (replica: string): string => join(at.dir, "replicas", replica, "data");

/** One bit of the log's first record is turned: damage, not a torn tail, since later records were synced. */
function damageLog(replica: string): void {
  const segment = readdirSync(dataOf(replica)).find((name) => name.startsWith("segment-"));
  if (segment === undefined) throw new Error(`${replica} has no log`);
  const path = join(dataOf(replica), segment);
  const bytes = readFileSync(path);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function damagesSaid() {
  return (await eventsOf(at)).filter(({ kind }) => kind === "damage-found");
}

it("S5c: a damaged log is set aside and told as an event, once: what was found, where, and where it is kept", async () => {
  expect((await troupe(["call", "add", "1", "--dir", at.dir])).status).toBe(0);
  const { followers } = await rolesOf(at);
  await at.stop();
  damageLog(followers[0]);
  await at.startAgain();
  await untilWhole(at);
  const [said, ...more] = await damagesSaid();
  expect(more).toEqual([]);
  expect(said).toMatchObject({ replica: followers[0], text: expect.stringMatching(/segment-\d+ at offset \d+.*new incarnation/) });
  expect(said?.text).toContain(join(at.dir, "replicas", followers[0], "damaged-1"));
});
