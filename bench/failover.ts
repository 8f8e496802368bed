import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect } from "troupe/client";
import type counter from "../examples/counter/counter.js";
import type { TroupeEvent } from "../src/vocabulary/admin.js";
import { summaryOf, summaryTable } from "./lib/figures.js";
import { type Installation, leaderOf, startInstallation } from "./lib/installation.js";
import { readOptions } from "./lib/options.js";
import { createRawExitProbe, type RawExit } from "./lib/raw-exit.js";
import { measureSyncs } from "./lib/raw-disk.js";
import { DATA_FOLDER, record, say, sayHead, tell } from "./lib/report.js";

/** The Replication Manager's own account of a failover, in the order of time. */
const OWN_PARTS = ["decide", "seal", "lead", "write", "activate"] as const;
/**
 * `detect`: from the strike until the Replication Manager has the verdict. `redirect`: from when it knows that the new leader serves until
 * the client has an answer; negative when the client was faster. Both rest on the wall clock that all processes share, to half a millisecond.
 */
const PARTS = ["detect", ...OWN_PARTS, "redirect"] as const;

interface Trial {
  /** The longest pause between two answers to the client, of those that began before the new leader served. */
  readonly gapMs: number;
  /** From the strike to the first answer of the new leader. */
  readonly outageMs: number;
  /** The longest pause afterwards, until the group was whole: what relaunch, transfer and admission cost. */
  readonly laterGapMs: number;
  readonly wholeMs: number;
  readonly parts: Readonly<Record<(typeof PARTS)[number], number>>;
  readonly attempts: number;
  readonly raw: RawExit;
}

export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    "failover",
    {
      trials: { default: "100", means: "how often the leader is struck" },
      style: { default: "warm-passive", means: "warm-passive or active" },
      signal: { default: "KILL", means: "KILL, or STOP: the leader hangs, and is found by its silence" },
      replicas: { default: "3", means: "size of the group" },
      durability: { default: "disk", means: "disk (every acknowledgement after an fdatasync) or memory" },
      background: { default: "2", means: "further clients, each with one request every 5 ms" },
      seconds: { default: "420", means: "no trial begins later than this" },
      dir: { default: DATA_FOLDER, means: "where data go" },
      record: { default: false, means: "append the result to bench/history.ndjson" },
    },
    args,
  );
  const signal = options.text("signal").replace(/^SIG/, "") === "STOP" ? "SIGSTOP" : "SIGKILL";
  const settings = {
    style: options.text("style"),
    signal,
    replicas: options.count("replicas"),
    durability: options.text("durability") === "memory" ? ("memory" as const) : ("disk" as const),
    background: options.count("background"),
  };
  const dataFolder = options.text("dir");
  sayHead(
    `Failover: ${signal} of the leader, ${settings.style}, ${settings.replicas} replicas, durability ${settings.durability}`,
    dataFolder,
  );

  const syncsMs = await measureSyncs(dataFolder, 1, 256, 1_000);
  const installation = await startInstallation({ ...settings, service: "counter", dataFolder });
  const probe = await createRawExitProbe();
  const trials: Trial[] = [];
  const troubles: string[] = [];
  try {
    const clients = await startClients(installation, settings.background);
    const endMs = performance.now() + options.count("seconds") * 1_000;
    for (let number = 1; number <= options.count("trials") && performance.now() < endMs; number += 1) {
      try {
        const trial = await strike(installation, clients, signal, await probe.measure());
        trials.push(trial);
        tell(`trial ${number}: gap ${trial.gapMs.toFixed(1)} ms, whole again after ${(trial.wholeMs / 1_000).toFixed(1)} s`);
      } catch (error) {
        // What follows would strike an installation in an unknown state: what was measured so far is reported.
        troubles.push(`trial ${number} failed: ${error instanceof Error ? error.message : String(error)}`);
        break;
      }
    }
    troubles.push(...(await clients.stop()));
  } finally {
    probe.close();
    await installation.stop();
  }
  syncsMs.push(...(await measureSyncs(dataFolder, 1, 256, 1_000)));
  report(trials, syncsMs, troubles);
  record(options.is("record"), "failover", { ...settings, trials: trials.length }, dataFolder, figuresOf(trials, syncsMs, troubles));
}

interface Clients {
  /** When the measured client, which waits for each answer before its next request, got its answers. */
  readonly answersMs: number[];
  /** Ends all, and says what errors they have met. */
  stop(): Promise<readonly string[]>;
}

async function startClients(installation: Installation, background: number): Promise<Clients> {
  const answersMs: number[] = [];
  const troubles: string[] = [];
  let isOver = false;
  const work = async (client: Client<typeof counter>, pauseMs: number, onAnswer: () => void): Promise<void> => {
    while (!isOver) {
      try {
        await client.add(1);
        onAnswer();
        if (pauseMs > 0) await pause(pauseMs);
      } catch (error) {
        troubles.push(String(error));
        await pause(1);
      }
    }
    await client.close();
  };
  const workers = [work(await connect<typeof counter>(installation.clientUrl), 0, () => answersMs.push(performance.now()))];
  for (let number = 0; number < background; number += 1)
    workers.push(work(await connect<typeof counter>(installation.clientUrl), 5, () => {}));
  return {
    answersMs,
    async stop() {
      isOver = true;
      await Promise.all(workers);
      return troubles;
    },
  };
}

const EVENT_TIMEOUT_MS = 20_000;

async function strike(installation: Installation, clients: Clients, signal: NodeJS.Signals, raw: RawExit): Promise<Trial> {
  const status = await installation.untilWhole();
  const wallOffsetMs = await measureWallOffset();
  // At any phase of the heartbeats.
  await pause(100 * Math.random());
  const { pid } = leaderOf(status);
  const from = clients.answersMs.length;
  const failover = nextFailover(installation);
  const strikeMs = performance.now();
  process.kill(pid, signal);
  const { data, atMs } = await failover;
  const servesMs = await answerAfter(clients, performance.now());
  await installation.untilWhole(pid);
  const wholeMs = performance.now();

  const answers = clients.answersMs.slice(Math.max(0, from - 1));
  clients.answersMs.length = 0;
  const gap = longestGap(answers, strikeMs, servesMs);
  const outageMs = gap.endMs - strikeMs;
  const own = OWN_PARTS.map((name) => [name, Number(data?.[`${name}Ms`] ?? Number.NaN)] as const);
  const ownMs = own.reduce((sum, [, ms]) => sum + ms, 0);
  const knownMs = atMs + 0.5 - wallOffsetMs;
  return {
    gapMs: gap.endMs - gap.beginMs,
    outageMs,
    laterGapMs: laterGap(answers, gap.endMs),
    wholeMs: wholeMs - strikeMs,
    parts: {
      ...(Object.fromEntries(own) as Record<(typeof OWN_PARTS)[number], number>),
      detect: knownMs - ownMs - strikeMs,
      redirect: gap.endMs - knownMs,
    },
    attempts: Number(data?.attempts ?? 0),
    raw,
  };
}

/** Wall clock less own clock. The wall clock is cut to whole milliseconds: of many looks the one that lost least counts. */
async function measureWallOffset(): Promise<number> {
  let offsetMs = Number.NEGATIVE_INFINITY;
  for (let look = 0; look < 40; look += 1) {
    offsetMs = Math.max(offsetMs, Date.now() - performance.now());
    await pause(5);
  }
  return offsetMs;
}

function nextFailover(installation: Installation): Promise<TroupeEvent> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`No failover was reported within ${EVENT_TIMEOUT_MS} ms of the strike.`));
    }, EVENT_TIMEOUT_MS);
    const stop = installation.onEvent((event) => {
      if (event.kind !== "failover") return;
      clearTimeout(timer);
      stop();
      resolve(event);
    });
  });
}

/** Waits for an answer that came after `afterMs`, and returns when it did. */
async function answerAfter(clients: Clients, afterMs: number): Promise<number> {
  const endMs = performance.now() + EVENT_TIMEOUT_MS;
  for (;;) {
    const last = clients.answersMs.at(-1) ?? 0;
    if (last > afterMs) return last;
    if (performance.now() > endMs) throw new Error(`The client had no answer within ${EVENT_TIMEOUT_MS} ms of the failover.`);
    await pause(1);
  }
}

/** Of the pauses between two answers that end after the strike and before all was in order again: the longest. */
function longestGap(answers: readonly number[], strikeMs: number, servesMs: number): { beginMs: number; endMs: number } {
  let longest = { beginMs: 0, endMs: 0 };
  answers.forEach((endMs, position) => {
    const beginMs = answers[position - 1];
    if (beginMs === undefined || endMs < strikeMs || beginMs >= servesMs) return;
    if (endMs - beginMs > longest.endMs - longest.beginMs) longest = { beginMs, endMs };
  });
  return longest;
}

function laterGap(answers: readonly number[], fromMs: number): number {
  const later = answers.filter((answer) => answer >= fromMs);
  return Math.max(0, ...later.map((answer, position) => answer - (later[position - 1] ?? answer)));
}

function figuresOf(trials: readonly Trial[], syncsMs: readonly number[], troubles: readonly string[]) {
  const of = (pick: (trial: Trial) => number) => summaryOf(trials.map(pick));
  return {
    gapMs: of((trial) => trial.gapMs),
    outageMs: of((trial) => trial.outageMs),
    laterGapMs: of((trial) => trial.laterGapMs),
    wholeMs: of((trial) => trial.wholeMs),
    parts: Object.fromEntries(PARTS.map((name) => [name, of((trial) => trial.parts[name])])),
    severalAttempts: trials.filter((trial) => trial.attempts > 1).length,
    rawExitMs: of((trial) => trial.raw.exitMs),
    rawHopMs: of((trial) => trial.raw.hopMs),
    rawSyncMs: summaryOf(syncsMs),
    floorMs: floorOf(trials, syncsMs),
    clientErrors: troubles.length,
  };
}

/** PROTOCOL, section 4: about nine messages and three syncs in a row, after the exit is known. */
function floorOf(trials: readonly Trial[], syncsMs: readonly number[]): number {
  const median = (pick: (trial: Trial) => number): number => summaryOf(trials.map(pick)).median;
  return median((trial) => trial.raw.exitMs) + 9 * median((trial) => trial.raw.hopMs) + 3 * summaryOf(syncsMs).median;
}

function report(trials: readonly Trial[], syncsMs: readonly number[], troubles: readonly string[]): void {
  const row = (name: string, pick: (trial: Trial) => number): [string, number[]] => [name, trials.map(pick)];
  say(
    summaryTable([
      row("client's gap", (trial) => trial.gapMs),
      row("  strike to first answer", (trial) => trial.outageMs),
      ...PARTS.map((name) => row(`    ${name}`, (trial) => trial.parts[name])),
      row("longest gap later, until whole", (trial) => trial.laterGapMs),
      row("wanted number restored", (trial) => trial.wholeMs),
    ]),
  );
  say("\nRaw limits, taken between the trials:");
  say(
    summaryTable([
      row("kill -9 to the parent's exit event", (trial) => trial.raw.exitMs),
      row("kill -9 to a closed connection", (trial) => trial.raw.closeMs),
      row("one message over loopback", (trial) => trial.raw.hopMs),
      ["write of 256 bytes and fdatasync", syncsMs],
    ]),
  );
  const floorMs = floorOf(trials, syncsMs);
  const gapMs = summaryOf(trials.map((trial) => trial.gapMs)).median;
  say(
    `\nFloor (exit, 9 messages, 3 syncs, medians): ${floorMs.toFixed(2)} ms; the client's median gap is ${(gapMs / floorMs).toFixed(1)} times that.`,
  );
  say(`Failovers that took several attempts: ${trials.filter((trial) => trial.attempts > 1).length} of ${trials.length}.`);
  say(`Errors: ${troubles.length}${troubles.length === 0 ? "" : `: ${[...new Set(troubles)].slice(0, 3).join("; ")}`}.`);
}
