import type { OperationRecord } from "./history.js";

/** A service to make a history of: executes a request in the order of calls; a string is a refusal. */
export type RunService = (operation: string, input: unknown) => { result: unknown } | string;

export type RunOptions = {
  readonly seed: number;
  readonly clientCount: number;
  readonly operationCount: number;
  readonly request: (random: () => number, sequence: number) => { operation: string; input?: unknown };
  readonly service: RunService;
  /** Every so many operations one goes unanswered: half of these take effect, some long after their start. 0: none. */
  readonly unknownEvery: number;
};

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A linearizable history of clients that ask without pause: each operation takes effect at a random time between its start and its end. */
export function largeRun(options: RunOptions): OperationRecord[] {
  const random = randomOf(options.seed);
  const free = Array.from({ length: options.clientCount }, () => random());
  const planned: { at: number; takesEffect: boolean; record: OperationRecord }[] = [];
  for (let sequence = 1; sequence <= options.operationCount; sequence++) {
    const client = free.indexOf(Math.min(...free));
    const startedAt = free[client] ?? 0;
    const endedAt = startedAt + 0.2 + random() + (random() < 0.02 ? 5 : 0);
    free[client] = endedAt + random() * 0.1;
    const isUnknown = options.unknownEvery > 0 && sequence % options.unknownEvery === 0;
    const at = startedAt + (endedAt - startedAt) * random() * (isUnknown && random() < 0.3 ? 20 : 1);
    const base = { client: `c${client}`, ...options.request(random, sequence), startedAt };
    const record: OperationRecord = isUnknown ? { ...base, endedAt: null, outcome: "unknown" } : { ...base, endedAt, outcome: "ok" };
    planned.push({ at, takesEffect: !isUnknown || random() < 0.5, record });
  }
  planned.sort((a, b) => a.at - b.at);
  const records: OperationRecord[] = [];
  for (const { record, takesEffect } of planned) {
    const answer = takesEffect ? options.service(record.operation, record.input) : "";
    if (record.outcome === "unknown") records.push(record);
    else if (typeof answer === "string") records.push({ ...record, outcome: "refused", code: "refused" });
    else records.push({ ...record, result: answer.result });
  }
  return records.sort((a, b) => a.startedAt - b.startedAt);
}

type KeyInput = { readonly key: string; readonly value?: string; readonly expected?: string | null };

function isKeyInput(input: unknown): input is KeyInput {
  return typeof input === "object" && input !== null && "key" in input;
}

export function kvService(): RunService {
  const values = new Map<string, string>();
  return (operation, input) => {
    if (!isKeyInput(input)) return { result: values.get(String(input)) ?? null };
    const { key, value = "" } = input;
    if (operation === "put") values.set(key, value);
    if (operation === "append") return { result: values.set(key, (values.get(key) ?? "") + value).get(key) };
    if (operation !== "compareAndSet") return { result: null };
    const isExpected = (values.get(key) ?? null) === input.expected;
    if (isExpected) values.set(key, value);
    return { result: isExpected };
  };
}

export function counterService(): RunService {
  let value = 0;
  return (operation, input) => {
    if (operation === "add") value += Number(input);
    return { result: value };
  };
}

export function listService(): RunService {
  const list: unknown[] = [];
  return (operation, input) => {
    if (operation === "read") return { result: [...list] };
    list.push(input);
    return { result: null };
  };
}

type Transfer = { readonly from: string; readonly to: string; readonly amount: number };

function isTransfer(input: unknown): input is Transfer {
  return typeof input === "object" && input !== null && "from" in input;
}

/** Accounts are opened by being named, with the balance given here; the history must open with `openings`. */
export function bankService(accountCount: number, balance: number, tellsTransfers = true): RunService {
  const balances = new Map(Array.from({ length: accountCount }, (_, i) => [`a${i}`, balance]));
  return (operation, input) => {
    if (operation === "balance") return { result: balances.get(String(input)) ?? null };
    if (operation === "total") return { result: accountCount * balance };
    if (!isTransfer(input)) return "unexpected";
    const { from, to, amount } = input;
    if ((balances.get(from) ?? 0) < amount) return "short of money";
    balances.set(from, (balances.get(from) ?? 0) - amount);
    balances.set(to, (balances.get(to) ?? 0) + amount);
    return { result: tellsTransfers ? { from: balances.get(from), to: balances.get(to) } : null };
  };
}

export function bankOpenings(accountCount: number, balance: number): OperationRecord[] {
  return Array.from({ length: accountCount }, (_, i) => {
    const startedAt = i - accountCount - 1;
    return { client: "c", operation: "open", input: { account: `a${i}`, balance }, startedAt, endedAt: startedAt + 0.5, outcome: "ok" };
  });
}
