import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundleProgram } from "../harness/bundle.js";
import { troupeCaller } from "../harness/caller.js";
import { type Installation, rolesOf, untilLaterView } from "../harness/installation.js";
import { kill, processNamed, type Struck } from "../harness/process-table.js";
import type { Scenario, Trial } from "../harness/scenario.js";
import { pause, until, untilTrue } from "../harness/wait.js";

const LIVES = 4;
const LIFE_MS = 150;
/** The client that is killed writes as fast as it can; the others leave it the processors, or each of its lives would take long to begin. */
const OTHERS = { thinkMs: 40 };
let runs = 0;

export const clientRestart: readonly Scenario[] = [
  {
    name: "client-restart",
    what: "a client is killed in the midst of its requests and started again with its session file: each is executed exactly once",
    load: OTHERS,
    run: (trial) => restartClient(trial, false),
  },
  {
    name: "client-restart-with-leader",
    what: "the client and the leader are killed together: the next life of the client finishes what was open",
    load: OTHERS,
    run: (trial) => restartClient(trial, true),
  },
];

interface Journal {
  readonly began: readonly string[];
  /** By the lives before the last. */
  readonly beganEarlier: readonly string[];
  readonly acknowledged: readonly string[];
  readonly recovered: readonly string[];
  readonly failed: readonly string[];
  readonly lives: number;
}

async function restartClient(trial: Trial, withLeader: boolean): Promise<void> {
  const { at, struck } = trial;
  const program = await bundleProgram("restarting-client");
  const key = `restart-${runs++}`;
  const path = join(at.folder, `${key}.journal`);
  for (let life = 0; life < LIVES; life++) {
    const child = startClient(at, program, key, path);
    await until("the client is up", 15_000, async () => (readJournal(path).lives > life ? { found: undefined } : { seen: said(at, key) }));
    const acknowledged = readJournal(path).acknowledged.length;
    await untilTrue("the client has had answers", 15_000, () => readJournal(path).acknowledged.length > acknowledged + 5);
    await pause(LIFE_MS * Math.random());
    const atMs = performance.now();
    child.kill("SIGKILL");
    await untilTrue("the client is dead", 5_000, () => child.signalCode === "SIGKILL");
    struck({ name: "client", pid: child.pid ?? 0, startTime: 0, atMs } satisfies Struck);
    if (withLeader && life < 2) await killLeader(trial);
  }
  // The last life has nobody to kill it before it has recovered all.
  const child = startClient(at, program, key, path);
  try {
    await until("the last life is up", 15_000, async () =>
      readJournal(path).lives > LIVES ? { found: undefined } : { seen: said(at, key) },
    );
  } finally {
    child.kill("SIGKILL");
  }
  await judgeJournal(trial, readJournal(path), key);
}

async function killLeader({ at, struck }: Trial): Promise<void> {
  const { leader, epoch } = await rolesOf(at);
  if (processNamed(at.dir, leader) === null) throw new Error(`${leader} does not run`);
  struck(await kill(at.dir, leader));
  await untilLaterView(at, epoch);
}

function startClient(at: Installation, program: string, key: string, journal: string): ReturnType<typeof spawn> {
  const output = openSync(join(at.folder, `${key}.out`), "a");
  const first = readJournal(journal).began.reduce((most, piece) => Math.max(most, Number(piece)), 0) + 1;
  const child = spawn(process.execPath, [program, at.clientUrl, join(at.folder, `${key}.session`), journal, key, String(first)], {
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  return child;
}

function said(at: Installation, key: string): string {
  return readFileSync(join(at.folder, `${key}.out`), "utf8").slice(-1_000);
}

function readJournal(path: string): Journal {
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
  const lastUp = lines.findLastIndex((line) => line.startsWith("up "));
  const after = (word: string, among = lines): string[] =>
    among.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  return {
    began: after("began"),
    beganEarlier: after("began", lines.slice(0, lastUp)),
    acknowledged: after("acknowledged"),
    recovered: after("recovered"),
    failed: after("failed"),
    lives: after("up").length,
  };
}

/** What was acknowledged or recovered is there; nothing is there twice, and nothing that nobody began or no later life was told of. */
async function judgeJournal({ at, figure }: Trial, journal: Journal, key: string): Promise<void> {
  const caller = await troupeCaller(at);
  const answer = await caller.query("get", key);
  await caller.close();
  const pieces = String(answer.result).split(";").slice(0, -1);
  const counts = new Map<string, number>();
  for (const piece of pieces) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const problems: string[] = [];
  for (const [piece, count] of counts) if (count > 1) problems.push(`${piece} is there ${count} times`);
  for (const piece of journal.acknowledged) if (!counts.has(piece)) problems.push(`${piece} was acknowledged and is not there`);
  const began = new Set(journal.began);
  for (const piece of counts.keys()) if (!began.has(piece)) problems.push(`${piece} is there, and nobody began it`);
  // S6f: what an earlier life began, and neither that life nor a later one was told of, was not executed.
  const told = new Set([...journal.acknowledged, ...journal.recovered]);
  for (const piece of journal.beganEarlier)
    if (counts.has(piece) && !told.has(piece)) problems.push(`${piece} is there, and no life of the client was told of it`);
  // One that was acknowledged may be recovered once more: that it was settled need not have reached the disk.
  for (const piece of journal.recovered) if (!counts.has(piece)) problems.push(`${piece} was recovered and is not there`);
  if (journal.failed.length > 0) problems.push(`not executed: ${journal.failed.join("; ")}`);
  figure("recovered", journal.recovered.length);
  if (journal.recovered.length === 0) problems.push("no life of the client found anything to recover: the kills proved nothing");
  if (problems.length > 0) throw new Error(problems.slice(0, 10).join("\n"));
}
