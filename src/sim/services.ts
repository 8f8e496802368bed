import { defineService, type AnyService } from "../service/define-service.js";
import { refuse } from "../service/refuse.js";
import type { Chance } from "./chance.js";

export type WorkloadName = "register" | "counter" | "bank" | "append-list" | "set";

/** One thing that a client asks for. */
export interface Call {
  readonly kind: "operation" | "query";
  readonly name: string;
  readonly input: unknown;
}

/** What clients ask for. */
export interface Requests {
  /** The first calls, in order, by one client. */
  readonly opening: readonly Call[];
  /** `token` is never the same twice. */
  next(chance: Chance, token: string): Call;
  /** What is read at the end, when everything is quiet. */
  readonly closing: readonly Call[];
}

interface Workload extends Requests {
  readonly service: AnyService;
}

const operation = (name: string, input: unknown): Call => ({ kind: "operation", name, input });
const query = (name: string, input?: unknown): Call => ({ kind: "query", name, input });

const KEYS = ["a", "b", "c", "d"];

const register: Workload = {
  service: defineService({
    name: "register",
    state: () => ({ values: new Map<string, string>() }),
    operations: {
      put(state, { key, value }: { key: string; value: string }) {
        state.values.set(key, value);
      },
      append(state, { key, value }: { key: string; value: string }) {
        const appended = (state.values.get(key) ?? "") + value;
        state.values.set(key, appended);
        return appended;
      },
      compareAndSet(state, { key, expected, value }: { key: string; expected: string | null; value: string }) {
        if ((state.values.get(key) ?? null) !== expected) return false;
        state.values.set(key, value);
        return true;
      },
      remove(state, { key }: { key: string }) {
        return state.values.delete(key);
      },
    },
    queries: { get: (state, key: string) => state.values.get(key) ?? null },
  }),
  opening: [],
  next(chance, token) {
    const key = chance.pick(KEYS);
    const draw = chance.unit();
    if (draw < 0.4) return query("get", key);
    if (draw < 0.7) return operation("put", { key, value: token });
    if (draw < 0.9) return operation("append", { key, value: `${token};` });
    if (draw < 0.95) return operation("compareAndSet", { key, expected: null, value: token });
    return operation("remove", { key });
  },
  closing: KEYS.map((key) => query("get", key)),
};

const counter: Workload = {
  service: defineService({
    name: "counter",
    state: () => ({ value: 0 }),
    operations: {
      add(state, by: number) {
        state.value += by;
        return state.value;
      },
    },
    queries: { get: (state) => state.value },
  }),
  opening: [],
  next: (chance) => (chance.happens(0.7) ? operation("add", 1) : query("get")),
  closing: [query("get")],
};

interface BankState {
  readonly accounts: Map<string, number>;
  /** Random, made by the service itself: equal on all replicas or a determinism is broken (S9). */
  readonly receipts: Map<string, string>;
  broughtIn: number;
}

const ACCOUNTS = ["x", "y", "z"];

const bank: Workload = {
  service: defineService({
    name: "bank",
    state: (): BankState => ({ accounts: new Map(), receipts: new Map(), broughtIn: 0 }),
    operations: {
      open(state, { account, balance }: { account: string; balance: number }) {
        if (state.accounts.has(account)) refuse("account-exists", account);
        state.accounts.set(account, balance);
        state.broughtIn += balance;
        return balance;
      },
      deposit(state, { account, amount }: { account: string; amount: number }) {
        const balance = state.accounts.get(account);
        if (balance === undefined) return refuse("unknown-account", account);
        state.accounts.set(account, balance + amount);
        state.broughtIn += amount;
        return balance + amount;
      },
      transfer(state, { from, to, amount }: { from: string; to: string; amount: number }, { random, now }) {
        const available = state.accounts.get(from);
        if (available === undefined || !state.accounts.has(to)) return refuse("unknown-account", from);
        // Written before it is refused: what it wrote has to be undone, order included.
        state.receipts.delete(from);
        state.receipts.set(from, `${random()} at ${now}`);
        if (available < amount) refuse("insufficient-funds", `${from} has ${available}`);
        state.accounts.set(from, available - amount);
        state.accounts.set(to, (state.accounts.get(to) ?? 0) + amount);
        return { from: state.accounts.get(from), to: state.accounts.get(to) };
      },
    },
    queries: {
      balance: (state, account: string) => state.accounts.get(account) ?? refuse("unknown-account", account),
      total: (state) => sum(state.accounts.values()),
    },
    invariants: { "the sum of balances is what was brought in": (state) => sum(state.accounts.values()) === state.broughtIn },
  }),
  opening: ACCOUNTS.map((account) => operation("open", { account, balance: 100 })),
  next(chance) {
    const draw = chance.unit();
    const [from, to] = [chance.pick(ACCOUNTS), chance.pick(ACCOUNTS)];
    if (draw < 0.2) return query("balance", from);
    if (draw < 0.4) return query("total");
    if (draw < 0.45) return operation("deposit", { account: from, amount: 1 });
    return operation("transfer", { from, to, amount: chance.integer(1, 60) });
  },
  closing: [query("total"), ...ACCOUNTS.map((account) => query("balance", account))],
};

const appendList: Workload = {
  service: defineService({
    name: "append-list",
    state: () => ({ elements: [] as string[] }),
    operations: {
      append(state, element: string) {
        state.elements.push(element);
        return state.elements.length;
      },
    },
    queries: { read: (state) => [...state.elements] },
  }),
  opening: [],
  next: (chance, token) => (chance.happens(0.8) ? operation("append", token) : query("read")),
  closing: [query("read")],
};

const set: Workload = {
  service: defineService({
    name: "set",
    state: () => ({ members: new Set<string>() }),
    operations: {
      add(state, value: string) {
        if (state.members.has(value)) return false;
        state.members.add(value);
        return true;
      },
      remove: (state, value: string) => state.members.delete(value),
    },
    queries: { has: (state, value: string) => state.members.has(value) },
  }),
  opening: [],
  next(chance) {
    const value = `v${chance.integer(0, 9)}`;
    const draw = chance.unit();
    if (draw < 0.4) return operation("add", value);
    return draw < 0.7 ? operation("remove", value) : query("has", value);
  },
  closing: Array.from({ length: 10 }, (_, i) => query("has", `v${i}`)),
};

export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = { register, counter, bank, "append-list": appendList, set };

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
