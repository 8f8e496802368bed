import type { GfdEffect, GfdEvent } from "../../gfd/core/event.js";
import { createGfd, GFD_TIMES } from "../../gfd/core/state.js";
import { gfdNextWakeMs, stepGfd } from "../../gfd/core/step.js";
import { createSimDriver } from "../driver.js";
import type { Installation } from "../installation.js";
import { listen, type SimConnection } from "../network.js";
import { localMs, type SimProcess } from "../world.js";
import { helloOf, newBootId } from "./hello.js";

/** As gfd/process/gfd.ts. */
export function runGfd(installation: Installation, process: SimProcess): void {
  const { world, network } = installation;
  const boot = newBootId(world);
  const state = createGfd({ bootId: boot, knobs: installation.plan.gfdKnobs, nowMs: localMs(world, process.host), times: GFD_TIMES });
  const connections = new Map<number, SimConnection>();
  const driver = createSimDriver<GfdEvent, GfdEffect>(world, process, {
    step: (nowMs, event, effects) => stepGfd(state, nowMs, event, effects),
    nextWakeMs: () => gfdNextWakeMs(state),
    wake: () => ({ kind: "woken" }),
    perform(effect) {
      const connection = connections.get(effect.connection);
      if (effect.kind === "send") connection?.send(effect.message);
      else connection?.close(effect.reason);
    },
  });
  listen(world, network, process, "gfd", {
    hello: () => helloOf(world.clusterId, "gfd", boot, {}),
    accepts: (peer) => (peer.clusterId === world.clusterId ? null : "another cluster"),
    onOpen: (connection) => void connections.set(connection.id, connection),
    onMessage: (connection, message) =>
      driver.push({ kind: "message-received", connection: connection.id, peer: connection.peer, message }),
    onClose(connection) {
      connections.delete(connection.id);
      driver.push({ kind: "connection-closed", connection: connection.id });
    },
  });
}
