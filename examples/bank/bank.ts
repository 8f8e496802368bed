import { defineService, refuse } from "troupe";

interface State {
  /** Balances by account, in whole units. */
  accounts: Map<string, number>;
  /** What was brought in from outside: the sum of all balances has to be this. */
  broughtIn: number;
}

const NAMES = ["ada", "bob", "cleo", "dan"];

/** Accounts with whole balances. Transfers move money, they never make or lose any. */
export default defineService({
  name: "bank",
  state: (): State => ({ accounts: new Map(), broughtIn: 0 }),
  operations: {
    /** Refused with `account-exists`. Returns the balance. */
    open(state, { account, balance }: { account: string; balance: number }) {
      checkAmount(balance, 0);
      if (state.accounts.has(account)) refuse("account-exists", `account ${account} is open already`);
      state.accounts.set(account, balance);
      state.broughtIn += balance;
      return balance;
    },

    /** Returns the new balance. */
    deposit(state, { account, amount }: { account: string; amount: number }) {
      checkAmount(amount, 1);
      const balance = balanceOf(state, account) + amount;
      state.accounts.set(account, balance);
      state.broughtIn += amount;
      return balance;
    },

    /** Refused with `insufficient-funds` when `from` has less than `amount`. Returns both new balances. */
    transfer(state, { from, to, amount }: { from: string; to: string; amount: number }) {
      checkAmount(amount, 1);
      const available = balanceOf(state, from);
      balanceOf(state, to);
      if (available < amount) refuse("insufficient-funds", `account ${from} has ${available}, which is less than ${amount}`, { available });
      state.accounts.set(from, available - amount);
      // Read after the first write, so that a transfer to oneself comes out right.
      state.accounts.set(to, balanceOf(state, to) + amount);
      return { from: balanceOf(state, from), to: balanceOf(state, to) };
    },
  },
  queries: {
    /** Refused with `unknown-account`. */
    balance: (state, account: string) => balanceOf(state, account),
    /** The sum of all balances. */
    total: (state) => sum(state.accounts.values()),
  },
  // For `troupe simulate bank`: few names, so that calls meet one another, and more money asked for than there is.
  examples: {
    open: (draw) => ({ account: draw.pick(NAMES), balance: draw.integer(0, 100) }),
    deposit: (draw) => ({ account: draw.pick(NAMES), amount: draw.integer(1, 20) }),
    transfer: (draw) => ({ from: draw.pick(NAMES), to: draw.pick(NAMES), amount: draw.integer(1, 60) }),
    balance: NAMES,
  },
  invariants: {
    "the sum of balances is what was brought in": (state) => sum(state.accounts.values()) === state.broughtIn,
    "no account is overdrawn": (state) => [...state.accounts.values()].every((balance) => balance >= 0),
  },
});

function balanceOf(state: State, account: string): number {
  return state.accounts.get(account) ?? refuse("unknown-account", `there is no account ${account}`);
}

function checkAmount(amount: number, min: number): void {
  if (!Number.isSafeInteger(amount) || amount < min) refuse("bad-amount", `an amount has to be a whole number of at least ${min}`);
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
