import type { OperationRecord } from "../../../src/checker/history.js";
import { closeRecorder, type HistoryRecorder, newHistoryRecorder, recordEnd, recordStart } from "../../../src/checker/recorder.js";
import { type Answer, type Caller, httpCaller, troupeCaller } from "./caller.js";
import type { Installation } from "./installation.js";
import { pause, untilTrue } from "./wait.js";

/** One history a service: each is checked by itself (linearizability is local), and each begins on an empty object. */
export interface Histories {
  readonly kv: readonly OperationRecord[];
  readonly counter: readonly OperationRecord[];
  readonly bank: readonly OperationRecord[];
}

/** An answer that is no success and no refusal by the service. */
export interface Complaint {
  readonly client: string;
  readonly operation: string;
  readonly atMs: number;
  readonly answer: Answer;
}

export interface WorkloadOptions {
  /** Clients of the Troupe protocol. Default 16. */
  readonly clients?: number;
  /** Clients over HTTP that retry with their key. Default 2. */
  readonly httpClients?: number;
  /** Between two requests of one client. */
  readonly thinkMs?: number;
  /** Of a call. Default 30 s: where every process has to be started again on a busy machine, the usual 10 s may be over by then. */
  readonly timeoutMs?: number;
}

export interface Workload {
  readonly complaints: readonly Complaint[];
  /** Successes so far. */
  count(): number;
  /** Waits until every client has had so many more answers. */
  untilProgress(answers: number, deadlineMs?: number): Promise<void>;
  /** Clients think longer from now on: what a fault has broken comes back sooner where they leave it the processors. */
  ease(): void;
  /** They think as long as usual again. */
  press(): void;
  /** The longest time between two answers to clients of the Troupe protocol that began after `fromMs` and before `toMs`. */
  longestGapMs(fromMs: number, toMs: number): number;
  /** Ends all clients, reads everything once more, and returns what was recorded. */
  finish(): Promise<Histories>;
}

interface Shop {
  readonly at: Installation;
  readonly prefix: string;
  readonly names: readonly string[];
  readonly recorders: Readonly<Record<keyof Histories, HistoryRecorder>>;
  readonly complaints: Complaint[];
  readonly answeredAtMs: number[];
  readonly counterBase: number;
  readonly totalBase: number;
  /** Between two requests of one client. */
  thinkMs: number;
  isOver: boolean;
}

const OPENING_BALANCE = 100;
/** Some two hundred requests a second: replicas come back among writes, and are not starved by them. */
const EASED_THINK_MS = 80;
let runs = 0;

/** Starts clients that write and read all the while. Keys and accounts are new ones, the counter is counted from what it is now. */
export async function startWorkload(at: Installation, options: WorkloadOptions = {}): Promise<Workload> {
  const { clients = 16, httpClients = 2, thinkMs = 8, timeoutMs = 30_000 } = options;
  const prefix = `r${runs++}`;
  const callers = await callersOf(at, clients, httpClients, timeoutMs);
  const first = callers[0];
  if (first === undefined) throw new Error("a workload needs a client");
  const shop: Shop = {
    at,
    prefix,
    names: callers.map((_, i) => `${prefix}-${i}`),
    recorders: { kv: newHistoryRecorder(), counter: newHistoryRecorder(), bank: newHistoryRecorder() },
    complaints: [],
    answeredAtMs: [],
    counterBase: Number((await first.query("count")).result),
    totalBase: Number((await first.query("total")).result),
    thinkMs,
    isOver: false,
  };
  await Promise.all(callers.map((caller, i) => perform(shop, caller, `c${i}`, "bank", "open", opening(shop, i))));
  const answered = callers.map(() => 0);
  const loops = callers.map((caller, i) =>
    runClient(shop, caller, `c${i}`, () => {
      answered[i] = (answered[i] ?? 0) + 1;
    }),
  );
  // A loop that throws is a bug of the harness; it must not go by unseen, nor end the process before it is looked at.
  const ended = Promise.allSettled(loops);
  const untilProgress = (answers: number, deadlineMs = 30_000): Promise<void> => {
    const wanted = answered.map((count) => count + answers);
    return untilTrue(`every client has had ${answers} more answers`, deadlineMs, () =>
      answered.every((count, i) => count >= (wanted[i] ?? 0)),
    );
  };
  return {
    complaints: shop.complaints,
    count: () => answered.reduce((sum, count) => sum + count, 0),
    untilProgress,
    ease: () => {
      shop.thinkMs = Math.max(thinkMs, EASED_THINK_MS);
    },
    press: () => {
      shop.thinkMs = thinkMs;
    },
    longestGapMs: (fromMs, toMs) => longestGapMs(shop.answeredAtMs, fromMs, toMs),
    async finish() {
      shop.isOver = true;
      for (const loop of await ended) if (loop.status === "rejected") throw loop.reason;
      await readEverything(shop, first);
      await Promise.all(callers.map((caller) => caller.close()));
      return {
        kv: closeRecorder(shop.recorders.kv),
        counter: closeRecorder(shop.recorders.counter),
        bank: closeRecorder(shop.recorders.bank),
      };
    },
  };
}

async function callersOf(at: Installation, clients: number, httpClients: number, timeoutMs: number): Promise<Caller[]> {
  const troupe = await Promise.all(Array.from({ length: clients }, () => troupeCaller(at, { timeoutMs })));
  return [...troupe, ...Array.from({ length: httpClients }, () => httpCaller(at))];
}

function opening(shop: Shop, i: number): { account: string; balance: number } {
  return { account: shop.names[i] ?? "", balance: OPENING_BALANCE };
}

async function runClient(shop: Shop, caller: Caller, client: string, onAnswer: () => void): Promise<void> {
  for (let at = 0; !shop.isOver; at++) {
    const answer = await performOne(shop, caller, client, `${client}.${at};`);
    if (answer.outcome === "ok" || answer.outcome === "refused") onAnswer();
    if (answer.outcome === "ok" && caller.kind === "troupe") shop.answeredAtMs.push(performance.now());
    await pause(shop.thinkMs * (0.5 + Math.random()));
  }
}

/** One drawn operation or query. `value` is used by nobody else. */
function performOne(shop: Shop, caller: Caller, client: string, value: string): Promise<Answer> {
  const draw = Math.random();
  const name = nameIn(shop);
  if (draw < 0.12) return perform(shop, caller, client, "kv", "put", { key: name, value });
  if (draw < 0.18) return perform(shop, caller, client, "kv", "append", { key: name, value });
  if (draw < 0.25) return perform(shop, caller, client, "kv", "compareAndSet", { key: name, expected: null, value });
  if (draw < 0.42) return perform(shop, caller, client, "kv", "get", name);
  if (draw < 0.58) return perform(shop, caller, client, "counter", "add", 1);
  if (draw < 0.66) return perform(shop, caller, client, "counter", "get", undefined);
  if (draw < 0.86)
    return perform(shop, caller, client, "bank", "transfer", { from: name, to: nameIn(shop), amount: 1 + Math.floor(Math.random() * 40) });
  if (draw < 0.9) return perform(shop, caller, client, "bank", "deposit", { account: name, amount: 1 + Math.floor(Math.random() * 10) });
  if (draw < 0.98) return perform(shop, caller, client, "bank", "balance", name);
  return perform(shop, caller, client, "bank", "total", undefined);
}

function nameIn(shop: Shop): string {
  return shop.names[Math.floor(Math.random() * shop.names.length)] ?? "";
}

/** What the trial service calls otherwise than the service that it is a part of. */
const QUERIES: ReadonlyMap<string, string> = new Map([
  ["counter.get", "count"],
  ["kv.get", "get"],
  ["bank.balance", "balance"],
  ["bank.total", "total"],
]);

async function perform(
  shop: Shop,
  caller: Caller,
  client: string,
  service: keyof Histories,
  operation: string,
  input: unknown,
): Promise<Answer> {
  const recorder = shop.recorders[service];
  const ticket = recordStart(recorder, { client, operation, ...(input === undefined ? {} : { input }), startedAt: performance.now() });
  const query = QUERIES.get(`${service}.${operation}`);
  const answer = query === undefined ? await caller.operate(operation, input) : await caller.query(query, input);
  const result = sinceStart(shop, service, operation, answer.result);
  recordEnd(recorder, ticket, {
    endedAt: performance.now(),
    outcome: answer.outcome,
    ...(answer.outcome === "ok" && result !== undefined ? { result } : {}),
    ...(answer.code === undefined ? {} : { code: answer.code }),
  });
  if (answer.outcome === "not-executed" || answer.outcome === "unknown")
    shop.complaints.push({ client: `${client} (${caller.kind})`, operation, atMs: performance.now(), answer });
  return answer;
}

/** The counter, and the money in the bank, as if this run had begun on an empty group: nobody else writes during it. */
function sinceStart(shop: Shop, service: keyof Histories, operation: string, result: unknown): unknown {
  if (typeof result !== "number") return result;
  if (service === "counter") return result - shop.counterBase;
  return operation === "total" ? result - shop.totalBase : result;
}

/** After all else has ended: what is there in the end must be explained too. */
async function readEverything(shop: Shop, caller: Caller): Promise<void> {
  const client = "last";
  for (const name of shop.names) {
    await perform(shop, caller, client, "kv", "get", name);
    await perform(shop, caller, client, "bank", "balance", name);
  }
  await perform(shop, caller, client, "bank", "total", undefined);
  await perform(shop, caller, client, "counter", "get", undefined);
}

function longestGapMs(answeredAtMs: readonly number[], fromMs: number, toMs: number): number {
  let longest = 0;
  for (let i = 1; i < answeredAtMs.length; i++) {
    const [before = 0, after = 0] = [answeredAtMs[i - 1], answeredAtMs[i]];
    if (after >= fromMs && before <= toMs) longest = Math.max(longest, after - Math.max(before, fromMs));
  }
  return longest;
}
