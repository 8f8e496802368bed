import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../client/connect.js";
import { TroupeError } from "../client/process/troupe-error.js";
import { bundleFile, loadExport } from "../config/bundle.js";
import { examplePath } from "../config/installation.js";
import { reasonOf } from "../runtime/error-code.js";
import { gatewayUrl } from "./gateway-api.js";
import { EXIT, Failure } from "./output.js";

/** What examples/bank/workload.ts exports: it is bundled like a service, since examples are shipped as they are read. */
interface BankRequest {
  readonly operation: "open" | "transfer" | "deposit";
  readonly input: object;
}

interface BankWorkload {
  readonly setup: readonly BankRequest[];
  nextRequest(randomUint32: () => number): BankRequest;
}

type BankOperation = (state: object, input: object) => unknown;
type Bank = {
  readonly operations: Readonly<Record<BankRequest["operation"], BankOperation>>;
  readonly queries: Readonly<Record<never, never>>;
};

export interface Load {
  /** What it does at the moment, in one line. */
  text(): string;
  stop(): Promise<void>;
}

const CLIENTS = 4;
/** Each client waits so long between two requests: about 200 requests a second in all. */
const PAUSE_MS = 20;
const LATENCIES_KEPT = 1_000;

/** A few clients that move money about, for as long as the system runs. */
export async function startBankLoad(dir: string, group: string): Promise<Load> {
  const workload = await loadWorkload(dir);
  const url = `troupe://${new URL(gatewayUrl({ dir })).host}/${group}`;
  const latencies: number[] = [];
  const counts = { answered: 0, refused: 0, failed: 0 };
  let lastFailure = "";
  let stopped = false;
  const since = performance.now();

  async function once(client: Awaited<ReturnType<typeof connect<Bank>>>, request: BankRequest): Promise<void> {
    const begin = performance.now();
    try {
      await client[request.operation](request.input);
      counts.answered += 1;
    } catch (error) {
      // Refusals belong to a bank; they are answers.
      if (error instanceof TroupeError && error.outcome === "refused") counts.refused += 1;
      else {
        counts.failed += 1;
        lastFailure = reasonOf(error);
      }
    }
    latencies.push(performance.now() - begin);
    if (latencies.length > LATENCIES_KEPT) latencies.shift();
  }

  async function run(number: number): Promise<void> {
    const client = await connect<Bank>(url);
    try {
      if (number === 0) await Promise.all(workload.setup.map((request) => once(client, request)));
      while (!stopped) {
        await once(client, workload.nextRequest(randomUint32));
        await sleep(PAUSE_MS);
      }
    } finally {
      await client.close();
    }
  }

  const runs = Array.from({ length: CLIENTS }, (_, number) =>
    run(number).catch((error: unknown) => {
      lastFailure = reasonOf(error);
      counts.failed += 1;
    }),
  );

  return {
    text() {
      const sorted = [...latencies].sort((a, b) => a - b);
      const at = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
      const rate = Math.round(((counts.answered + counts.refused) * 1_000) / (performance.now() - since));
      const failed = counts.failed === 0 ? "no failures" : `${counts.failed} failed (last: ${lastFailure})`;
      return `${CLIENTS} clients, ${rate} requests/s on average, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${counts.refused} refused, ${failed}`;
    },
    async stop() {
      stopped = true;
      await Promise.all(runs);
    },
  };
}

function randomUint32(): number {
  return Math.floor(Math.random() * 0x1_0000_0000);
}

async function loadWorkload(dir: string): Promise<BankWorkload> {
  const bundle = await bundleFile(examplePath("bank", "workload.ts"), dir);
  const loaded = await loadExport(bundle.path, "workload.ts", "bankWorkload");
  if (typeof loaded !== "function")
    throw new Failure(EXIT.failed, "examples/bank/workload.ts has no bankWorkload: this installation is damaged.");
  return loaded() as BankWorkload;
}
