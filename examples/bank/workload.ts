/** A steady small workload for the bank: pure, so that the simulator and `troupe up bank --load` run the same. */

export interface BankRequest {
  readonly operation: "open" | "transfer" | "deposit";
  readonly input: object;
}

const ACCOUNTS = 50;
const OPENING_BALANCE = 1_000;
const AMOUNT_MAX = 50;

export interface BankWorkload {
  /** To be done first, in any order. A refusal with `account-exists` is fine: an earlier run opened it. */
  readonly setup: readonly BankRequest[];
  /** One more request: mostly transfers, of which some are refused for lack of money. `randomUint32`: 0 to 2^32 - 1. */
  nextRequest(randomUint32: () => number): BankRequest;
}

export function bankWorkload(accountCount = ACCOUNTS): BankWorkload {
  const names = Array.from({ length: accountCount }, (_, at) => `account-${at + 1}`);
  const pick = (randomUint32: () => number): string => names[randomUint32() % names.length] ?? "account-1";
  return {
    setup: names.map((account) => ({ operation: "open", input: { account, balance: OPENING_BALANCE } })),
    nextRequest: (randomUint32) => {
      const amount = 1 + (randomUint32() % AMOUNT_MAX);
      if (randomUint32() % 20 === 0) return { operation: "deposit", input: { account: pick(randomUint32), amount } };
      return { operation: "transfer", input: { from: pick(randomUint32), to: pick(randomUint32), amount } };
    },
  };
}
