import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import type { SettingsInput } from "../../src/config/schema.js";
import { httpCaller } from "./harness/caller.js";
import { whileClosed } from "./harness/closed.js";
import { troupe } from "./harness/command.js";
import { eventsOf } from "./harness/events.js";
import { groupOf, type Installation, rolesOf, startInstallation, untilWhole } from "./harness/installation.js";
import { killAll } from "./harness/process-table.js";
import { until } from "./harness/wait.js";

let at: Installation;

async function start(settings: SettingsInput = {}): Promise<void> {
  at = await startInstallation({ style: "warm-passive", service: "counter", group: "counter", settings });
  await untilWhole(at);
}

afterEach(async () => {
  await at.dispose(false);
});

const dataOf = (replica: string): string => join(at.dir, "replicas", replica, "data");
const control = (): string => join(at.dir, "rm", "control");
const recover = (...flags: string[]) => troupe(["recover", "--dir", at.dir, ...flags]);

function untilWaiting(words: RegExp): Promise<string> {
  return until(`the group says ${words}`, 20_000, async () => {
    const group = await groupOf(at);
    const found = group?.waiting ?? "";
    return words.test(found) && group?.serving === false ? { found } : { seen: found };
  });
}

/** One bit in the middle of what the file holds. */
function damage(path: string): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.findLastIndex((byte) => byte !== 0) / 2);
  writeFileSync(path, bytes.with(at, (bytes[at] ?? 0) ^ 1));
}

/** Of all replicas, byte by byte: nothing may be changed while the store is not the right one. */
/** Behind the last batch a start may leave the mark that it is whole (docs/reference/formats.md). */
function writtenIn(bytes: string): string {
  return (bytes.split("TRPM")[0] ?? "").replace(/\0+$/, "");
}

function logsOf(): string[] {
  return readdirSync(join(at.dir, "replicas")).flatMap((replica) => {
    if (!existsSync(dataOf(replica))) return [];
    const files = readdirSync(dataOf(replica)).filter((name) => name.startsWith("segment-") || name === "identity");
    return files.map((name) => `${replica} ${name} ${writtenIn(readFileSync(join(dataOf(replica), name)).toString("latin1"))}`);
  });
}

it("S1e: with a control store that is lost or damaged nothing is served or overwritten, and `recover` rebuilds it from the replicas", async () => {
  await start();
  const client = httpCaller(at);
  expect(await client.operate("add", 5)).toMatchObject({ outcome: "ok" });
  expect(await recover()).toMatchObject({ status: 1, err: expect.stringMatching(/system runs.*troupe down/) });
  await at.stop();
  expect(await recover()).toMatchObject({ status: 0, out: expect.stringMatching(/store is whole.*nothing was changed/) });
  const before = logsOf();

  rmSync(join(at.dir, "rm"), { recursive: true });
  await whileClosed(at, async () => {
    expect(await untilWaiting(/control store is older/)).toMatch(/the store says no view|never had a view/);
  });
  expect(logsOf()).toEqual(before);

  for (const name of ["control", "control.copy"]) damage(join(at.dir, "rm", name));
  const refused = await troupe(["up", "counter", "--dir", at.dir, "--port", String(at.port)], at.folder);
  expect(refused).toMatchObject({ status: 1, err: expect.stringMatching(/control store cannot be used.*damaged.*troupe recover/s) });
  expect(logsOf()).toEqual(before);

  const rebuilt = await recover();
  expect(rebuilt).toMatchObject({ status: 0, out: expect.stringMatching(/last active view of group counter is .*recovered\/1\.json/s) });
  expect(readFileSync(join(at.dir, "recovered", "1.control"))).not.toEqual(readFileSync(control()));
  await at.startAgain();
  await untilWhole(at);
  expect(await client.query("get", null)).toMatchObject({ result: 5 });
  const group = await groupOf(at);
  expect(group?.generation).toBe(1);
  expect((await eventsOf(at)).map(({ kind }) => kind)).toContain("store-rebuilt");
});

it("S1e: a control store that is older than its servers serves and overwrites nothing, and `recover` brings it up to what they know", async () => {
  await start();
  const older = join(at.folder, "rm-of-before");
  cpSync(join(at.dir, "rm"), older, { recursive: true });
  const client = httpCaller(at);
  const { leader } = await rolesOf(at);
  await killAll(at.dir, [leader]);
  expect(await client.operate("add", 5)).toMatchObject({ outcome: "ok" });
  const { epoch } = await untilWhole(at);
  await at.stop();
  const before = logsOf();
  rmSync(join(at.dir, "rm"), { recursive: true });
  cpSync(older, join(at.dir, "rm"), { recursive: true });
  await whileClosed(at, async () => {
    expect(await untilWaiting(/control store is older/)).toContain("troupe recover");
  });
  expect(logsOf()).toEqual(before);
  expect(await recover()).toMatchObject({
    status: 0,
    out: expect.stringContaining(`last active view of group counter is ${epoch.join(".")}`),
  });
  await at.startAgain();
  await untilWhole(at);
  expect(await client.query("get", null)).toMatchObject({ result: 5 });
});

it("loss: a group that lost too many says which; `recover --accept-data-loss` shows and keeps what is given up, and what was left behind stays out", async () => {
  await start();
  const client = httpCaller(at);
  expect(await client.operate("add", 7)).toMatchObject({ outcome: "ok" });
  const { leader, followers } = await rolesOf(at);
  await at.stop();
  const back = join(at.folder, "turned-up-later");
  cpSync(dataOf(followers[0]), back, { recursive: true });
  for (const replica of followers) rmSync(dataOf(replica), { recursive: true });
  await whileClosed(at, async () => {
    const waiting = await untilWaiting(/through index/);
    for (const replica of followers) expect(waiting).toContain(`${replica} runs without its data`);
    expect(waiting).toContain(`what is left: ${leader}, through index`);
    expect(waiting).toContain(`waits for ${[...followers].sort().join(", ")} to come back`);
    expect(waiting).toContain("troupe recover --accept-data-loss");
    expect((await troupe(["status", "--dir", at.dir])).out).toContain(waiting);
    expect((await eventsOf(at)).find(({ kind, text }) => kind === "loss" && text.includes(waiting))).toBeDefined();
  });

  expect(await recover()).toMatchObject({ status: 0, out: expect.stringMatching(/nothing was changed.*--accept-data-loss/) });
  const asked = await recover("--accept-data-loss");
  expect(asked).toMatchObject({ status: 2, err: expect.stringMatching(/Given up: what .*nobody is there to be asked/s) });
  const given = await recover("--accept-data-loss", "--yes");
  expect(given).toMatchObject({ status: 0, out: expect.stringContaining(`goes on as generation 2 from ${leader}`) });
  for (const replica of followers) expect(given.out).toContain(`Given up: what ${replica} held`);
  expect(readFileSync(join(at.dir, "recovered", "1.json"), "utf8")).toContain("Given up");

  // Data of the old generation turns up: it does not come back into the group.
  rmSync(dataOf(followers[0]), { recursive: true });
  cpSync(back, dataOf(followers[0]), { recursive: true });
  await at.startAgain();
  const { members } = await untilWhole(at);
  expect(await client.query("get", null)).toMatchObject({ result: 7 });
  expect((await groupOf(at))?.generation).toBe(2);
  expect(members.map(({ incarnation }) => incarnation)).not.toContain(incarnationIn(back));
  const events = await eventsOf(at);
  expect(events.find(({ kind }) => kind === "data-loss-accepted")?.text).toContain("Given up");
  expect(events.find(({ kind, replica }) => kind === "damage-found" && replica === followers[0])?.text).toContain("generation");
});

it("loss: with memory the group goes on from whoever is left while the system runs, once a person accepts it", async () => {
  await start({ durability: "memory" });
  const client = httpCaller(at);
  expect(await client.operate("add", 3)).toMatchObject({ outcome: "ok" });
  expect(await recover("--accept-data-loss")).toMatchObject({ status: 0, out: expect.stringContaining("nothing was changed") });
  const { leader, followers } = await rolesOf(at);
  await killAll(at.dir, [leader, followers[0]]);
  const waiting = await untilWaiting(/ended, and kept its state in memory.*Leave the system running/);
  const left = `what is left: ${followers[1]}, through index`;
  expect(waiting).toContain(left);
  // The index itself may have been told late, and be another one a moment later.
  const said = waiting.slice(0, waiting.indexOf(left) + left.length);
  expect(await recover()).toMatchObject({ status: 1, err: expect.stringContaining(said) });
  expect(await recover("--accept-data-loss")).toMatchObject({ status: 2, err: expect.stringContaining(said) });
  const given = await recover("--accept-data-loss", "--yes");
  expect(given).toMatchObject({ status: 0, out: expect.stringContaining(`goes on as generation 2, led by ${followers[1]}`) });
  await untilWhole(at);
  expect(await client.query("get", null)).toMatchObject({ result: 3 });
  expect(await client.operate("add", 1)).toMatchObject({ outcome: "ok", result: 4 });
  await at.stop();
  expect(await recover("--accept-data-loss")).toMatchObject({ status: 3, err: expect.stringMatching(/do not run.*troupe restore/) });
});

function incarnationIn(folder: string): string {
  return /[0-9a-f]{32}/.exec(readFileSync(join(folder, "identity"), "latin1").slice(60))?.[0] ?? "none";
}
