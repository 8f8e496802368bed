import { closeRecorder, type HistoryRecorder, newHistoryRecorder, recordEnd, recordStart } from "../checker/recorder.js";
import type { OperationRecord } from "../checker/history.js";
import type { CallOutcome } from "../client/core/effect.js";
import { decodeValue, encodeValue } from "../codec/value.js";
import { hostId } from "../vocabulary/ids.js";
import type { Installation } from "./installation.js";
import { type Call, WORKLOADS } from "./services.js";
import { type RunningClient, runClient } from "./shells/client-shell.js";
import { addHost, after, isAlive, mark, note, type SimProcess, startProcess } from "./world.js";

/** The clients of a run and what they were told. */
export interface Clients {
  readonly recorder: HistoryRecorder;
  readonly processes: readonly SimProcess[];
  /** Operations answered so far, of any outcome but unknown. */
  completedCount: number;
  openCount: number;
  /** No new calls. */
  stopping: boolean;
  /** Calls are so many times as far apart. */
  leisure: number;
  readClosing(done: () => void): void;
  records(): readonly OperationRecord[];
}

const INPUT_NONE = new Uint8Array(0);

export function startClients(installation: Installation): Clients {
  const { world, plan } = installation;
  const workload = WORKLOADS[plan.workload];
  const host = addHost(world, hostId("clients"));
  const processes: SimProcess[] = [];
  const recorder = newHistoryRecorder();
  let tokens = 0;
  const clients: Clients = {
    recorder,
    processes,
    completedCount: 0,
    openCount: 0,
    stopping: false,
    leisure: 1,
    readClosing,
    records: () => closeRecorder(recorder),
  };

  function open(name: string): { readonly client: RunningClient; readonly process: SimProcess } {
    const process = startProcess(world, host, name, null);
    processes.push(process);
    return { client: runClient(installation, process), process };
  }

  function ask(client: RunningClient, name: string, thread: string, call: Call, timeoutMs: number, done: (outcome: CallOutcome) => void): void {
    const ticket = recordStart(recorder, {
      client: name,
      process: thread,
      operation: call.name,
      ...(call.input === undefined ? {} : { input: call.input }),
      startedAt: world.nowMs,
    });
    clients.openCount += 1;
    const input = call.input === undefined ? INPUT_NONE : encodeValue(call.input);
    note(world, name, "asks", () => `${call.name} ${JSON.stringify(call.input) ?? ""}`);
    const settle = (outcome: CallOutcome): void => {
      clients.openCount -= 1;
      const end = endOf(outcome);
      recordEnd(recorder, ticket, { endedAt: world.nowMs, ...end });
      note(world, name, "is told", () => `${call.name} ${JSON.stringify(call.input) ?? ""}: ${JSON.stringify(end)}`);
      mark(world, `outcome-${end.outcome}${end.code === undefined ? "" : `-${end.code}`}`);
      if (end.outcome !== "unknown") clients.completedCount += 1;
      done(outcome);
    };
    if (call.kind === "operation") client.operate(call.name, input, timeoutMs, settle);
    else client.query(call.name, input, "linearizable", timeoutMs, settle);
  }

  function thread(client: RunningClient, process: SimProcess, name: string, threadName: string): void {
    const again = (): void => {
      if (clients.stopping || !isAlive(process)) return;
      tokens += 1;
      const call = workload.next(world.chance.workload, `t${tokens}`);
      ask(client, name, threadName, call, plan.requestTimeoutMs, () => {
        after(world, plan.thinkMs * clients.leisure * 2 * world.chance.workload.unit(), again);
      });
    };
    again();
  }

  function readClosing(done: () => void): void {
    const { client } = open("reader");
    const left = [...workload.closing];
    const next = (): void => {
      const call = left[0];
      if (call === undefined) return done();
      ask(client, "reader", "0", call, 10_000, (outcome) => {
        if (outcome.kind === "answered") left.shift();
        next();
      });
    };
    next();
  }

  for (let i = 1; i <= plan.clientCount; i++) {
    const name = `client-${i}`;
    const { client, process } = open(name);
    const begin = (): void => {
      for (let each = 0; each < plan.threadsPerClient; each++) thread(client, process, name, String(each));
    };
    if (i > 1 || workload.opening.length === 0) {
      begin();
      continue;
    }
    const left = [...workload.opening];
    const next = (): void => {
      const call = left[0];
      if (call === undefined) return begin();
      ask(client, name, "0", call, 10_000, () => {
        left.shift();
        next();
      });
    };
    next();
  }
  return clients;
}

function endOf(outcome: CallOutcome): { outcome: OperationRecord["outcome"]; result?: unknown; code?: string } {
  switch (outcome.kind) {
    case "answered": {
      const value = outcome.reply.bytes.length === 0 ? undefined : decodeValue(outcome.reply.bytes);
      if (!outcome.reply.refused) return { outcome: "ok", result: value };
      const code = typeof value === "object" && value !== null && "code" in value ? String(value.code) : "refused";
      return { outcome: "refused", code };
    }
    case "session-opened":
      return { outcome: "ok" };
    case "failed":
      return { outcome: outcome.outcome === "refused" ? "refused" : outcome.outcome, code: outcome.code };
  }
}
