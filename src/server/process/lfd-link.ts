import { readAddressFile } from "../../runtime/address-file.js";
import type { Connection } from "../../runtime/connection.js";
import { dial } from "../../runtime/dialer.js";
import { startTimeOf } from "../../runtime/process-info.js";
import type { Hello } from "../../vocabulary/message.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import type { Pulse } from "../../vocabulary/verdict.js";
import type { Address } from "../../vocabulary/view.js";

export interface LfdLinkOptions {
  readonly lfdAddressFile: string;
  hello(): Hello;
  address(): Address;
  report(): ReplicaReport;
  pulse(): Pulse;
}

/** How often at most a heartbeat answer carries the whole report. */
const REPORT_INTERVAL_MS = 100;

/** Registers with the host's LFD, again whenever it is back, and answers its heartbeats from the loop that does the work. */
export function openLfdLink(options: LfdLinkOptions, monotonicMs: () => number): { close(): void } {
  let reportedAtMs = Number.NEGATIVE_INFINITY;

  function register(connection: Connection): void {
    connection.send({
      kind: "register",
      pid: process.pid,
      startTime: startTimeOf(process.pid) ?? 0,
      address: options.address(),
      report: options.report(),
    });
  }

  function answer(connection: Connection, sequence: number): void {
    const nowMs = monotonicMs();
    const due = nowMs - reportedAtMs >= REPORT_INTERVAL_MS;
    if (due) reportedAtMs = nowMs;
    connection.send({ kind: "heartbeat-answer", sequence, pulse: options.pulse(), report: due ? options.report() : null });
  }

  return dial({
    address: () => readAddressFile(options.lfdAddressFile),
    hello: options.hello,
    accepts: (peer) => (peer.role === "lfd" ? null : `This address belongs to a ${peer.role}, not to the LFD.`),
    onOpen: register,
    onMessage: (connection, message) => {
      if (message.kind === "heartbeat") answer(connection, message.sequence);
    },
    onClose: () => {},
    backoffMinMs: 10,
    backoffMaxMs: 200,
    connectTimeoutMs: 1_000,
  });
}
