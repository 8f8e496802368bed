import { reportOf } from "../../server/core/report.js";
import type { Hello } from "../../vocabulary/message.js";
import type { ReplicaReport } from "../../vocabulary/report.js";
import type { Pulse } from "../../vocabulary/verdict.js";
import type { Address } from "../../vocabulary/view.js";
import type { Installation } from "../installation.js";
import { dial } from "../network.js";
import type { RunningServer } from "../running.js";
import { after, localMs } from "../world.js";
import { lfdName } from "./lfd-name.js";

/** How often at most a heartbeat answer carries the whole report. */
const REPORT_INTERVAL_MS = 100;

/** As server/process/lfd-link.ts. */
export function openLfdLink(
  installation: Installation,
  server: RunningServer,
  hello: () => Hello,
  address: Address,
  pulse: () => Pulse,
): void {
  const { world, network } = installation;
  const { process } = server;
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  dial(world, network, process, {
    address: () => world.addresses.get(lfdName(process.host)) ?? null,
    hello,
    accepts: (peer) => (peer.role === "lfd" ? null : "no LFD"),
    onOpen(connection) {
      connection.send({ kind: "register", pid: process.pid, startTime: process.startTime, address, report: reportWithRoom(server) });
    },
    onMessage(connection, message) {
      if (message.kind !== "heartbeat") return;
      // Answered by the loop that does the work.
      after(world, 0.02 * process.slowness, () => {
        if (process.state !== "running") return;
        const nowMs = localMs(world, process.host);
        const due = nowMs - reportedAtMs >= REPORT_INTERVAL_MS;
        if (due) reportedAtMs = nowMs;
        connection.send({
          kind: "heartbeat-answer",
          sequence: message.sequence,
          pulse: pulse(),
          report: due ? reportWithRoom(server) : null,
        });
      });
    },
    onClose: () => {},
    backoffMinMs: 10,
    backoffMaxMs: 200,
  });
}

const NEEDED_BYTES = 1_000;

/** As server/process/room.ts. A simulated disk is full or is not. */
function reportWithRoom({ process, replica }: RunningServer): ReplicaReport {
  const report = reportOf(replica);
  const disk = process.host.disks.get(report.replica);
  return disk?.faults.full === true ? { ...report, roomShort: { neededBytes: NEEDED_BYTES, freeBytes: 0 } } : report;
}
