import { existsSync, readFileSync } from "node:fs";
import { defineService } from "troupe";
import bank from "../../../examples/bank/bank.js";
import counter from "../../../examples/counter/counter.js";
import kv from "../../../examples/kv/kv.js";

// A server whose folder is named in a file beside the data folder dies while it loads this service.
const crashAtStart = "crash-at-start";
if (process.argv.includes("server") && existsSync(crashAtStart)) {
  const name = readFileSync(crashAtStart, "utf8").trim();
  if (process.argv.some((argument) => argument.endsWith(`/${name}`))) process.kill(process.pid, "SIGKILL");
}

/** The three example services as they are, in one group, so that one run of a fault tries all of them; and what only a test asks of a service. */
export default defineService({
  name: "trial",
  state: () => ({ bank: bank.state(), counter: counter.state(), kv: kv.state(), ballast: [] as string[] }),
  operations: {
    open: (state, input: { account: string; balance: number }) => bank.operations.open(state.bank, input),
    deposit: (state, input: { account: string; amount: number }) => bank.operations.deposit(state.bank, input),
    transfer: (state, input: { from: string; to: string; amount: number }) => bank.operations.transfer(state.bank, input),
    add: (state, by: number) => counter.operations.add(state.counter, by),
    put: (state, input: { key: string; value: string }) => kv.operations.put(state.kv, input),
    append: (state, input: { key: string; value: string }) => kv.operations.append(state.kv, input),
    compareAndSet: (state, input: { key: string; expected: string | null; value: string }) => kv.operations.compareAndSet(state.kv, input),

    /** Makes the state larger by so many KiB, in one piece. */
    load(state, kibibytes: number) {
      state.ballast.push("ballast-".repeat(kibibytes * 128));
      return state.ballast.length;
    },

    /** Busy for about so many milliseconds of this machine: in active style no clock tells the handler how long it has been at it. */
    toil(_state, rounds: number) {
      let sum = 0;
      for (let i = 0; i < rounds; i++) sum = (sum + i * 7) % 1_000_003;
      return sum;
    },

    /** Ends every process that executes it. */
    crash(): void {
      process.kill(process.pid, "SIGKILL");
      for (;;) {
        // The signal is on its way.
      }
    },

    /** Never comes back. */
    hang(): void {
      for (;;) {
        // Nothing here ends it.
      }
    },
  },
  queries: {
    balance: (state, account: string) => bank.queries.balance(state.bank, account),
    total: (state) => bank.queries.total(state.bank),
    count: (state) => counter.queries.get(state.counter),
    get: (state, key: string) => kv.queries.get(state.kv, key),
    ballastCount: (state) => state.ballast.length,
    /** The whole state but the ballast, in its own order of iteration: replicas that agree answer the same text. */
    everything: (state) =>
      JSON.stringify([[...state.bank.accounts], state.bank.broughtIn, state.counter.value, [...state.kv.values], state.ballast.length]),
  },
});
