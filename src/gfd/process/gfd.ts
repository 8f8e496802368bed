import { writeAddress } from "../../runtime/address-file.js";
import { endWithSupervisor } from "../../runtime/child.js";
import { makeFolder } from "../../runtime/folder.js";
import { monotonicMs } from "../../runtime/clock.js";
import type { Connection } from "../../runtime/connection.js";
import { createDriver, type Driver } from "../../runtime/driver.js";
import { listenAgain } from "../../runtime/listen-again.js";
import { createLogger } from "../../runtime/log.js";
import { CONNECTIONS_MAX } from "../../runtime/open-files.js";
import { startTimeOf } from "../../runtime/process-info.js";
import { randomId } from "../../runtime/random.js";
import { bootId, type ClusterId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Role } from "../../vocabulary/message.js";
import type { DetectorKnobs } from "../../vocabulary/spec.js";
import type { Address } from "../../vocabulary/view.js";
import type { GfdEffect, GfdEvent } from "../core/event.js";
import { createGfd } from "../core/state.js";
import { gfdNextWakeMs, stepGfd } from "../core/step.js";

export interface GfdOptions {
  /** The data folder of the system. The GFD keeps nothing in it but where it listens. */
  readonly dir: string;
  readonly clusterId: ClusterId;
  readonly knobs: DetectorKnobs;
}

export interface GfdProcess {
  readonly address: Address;
  close(): Promise<void>;
}

const ROLES_SERVED: readonly Role[] = ["lfd", "rm", "gateway", "client"];

/** The shell of the GFD: sockets into events, effects into sockets. Rejects with a sentence for the reader. */
export async function startGfd(options: GfdOptions): Promise<GfdProcess> {
  const { dir, clusterId } = options;
  const log = createLogger("gfd");
  makeFolder(dir);
  const boot = bootId(randomId());
  const state = createGfd({ bootId: boot, knobs: options.knobs, nowMs: monotonicMs() });
  const connections = new Map<number, Connection>();
  const driver: Driver<GfdEvent> = createDriver<GfdEvent, GfdEffect>({
    step: (nowMs, event, effects) => stepGfd(state, nowMs, event, effects),
    nextWakeMs: () => gfdNextWakeMs(state),
    wake: () => ({ kind: "woken" }),
    perform: (effects) => {
      for (const effect of effects) perform(effect);
    },
  });

  function perform(effect: GfdEffect): void {
    const connection = connections.get(effect.connection);
    if (effect.kind === "send") connection?.send(effect.message);
    else {
      log.warn({ reason: effect.reason }, "closing a connection");
      connection?.close(effect.reason);
    }
  }

  const listener = await listenAgain(dir, "gfd", {
    connectionsMax: CONNECTIONS_MAX,
    hello: () => ({
      kind: "hello",
      protocolVersion: PROTOCOL_VERSION,
      clusterId,
      role: "gfd",
      bootId: boot,
      group: null,
      replica: null,
      incarnation: null,
      hostId: null,
    }),
    accepts: (peer) => {
      if (peer.clusterId !== clusterId) return `this is the GFD of system ${clusterId}, the caller belongs to ${peer.clusterId}`;
      return ROLES_SERVED.includes(peer.role) ? null : `a GFD has no business with a peer of role ${peer.role}`;
    },
    onOpen: (connection) => connections.set(connection.id, connection),
    onMessage: (connection, message) =>
      driver.push({ kind: "message-received", connection: connection.id, peer: connection.peer, message }),
    onClose: (connection) => {
      connections.delete(connection.id);
      driver.push({ kind: "connection-closed", connection: connection.id });
    },
  });
  writeAddress(dir, "gfd", { ...listener.address, pid: process.pid, startTime: startTimeOf(process.pid) ?? 0, bootId: boot });
  endWithSupervisor(dir);
  log.info({ address: listener.address }, "the GFD listens");
  return {
    address: listener.address,
    async close() {
      await listener.close();
      driver.stop();
    },
  };
}
