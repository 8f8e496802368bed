import { readRunConfig } from "../../config/run-config.js";
import { readAddress, writeAddress } from "../../runtime/address-file.js";
import { endWithSupervisor } from "../../runtime/child.js";
import { createLogger } from "../../runtime/log.js";
import { startTimeOf } from "../../runtime/process-info.js";
import { randomId } from "../../runtime/random.js";
import type { ComponentStatus } from "../../vocabulary/admin.js";
import { bootId, hostId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello } from "../../vocabulary/message.js";
import { createApp } from "../http/app.js";
import type { Backend } from "../http/backend.js";
import { createGroups } from "./group-access.js";
import { listenPatiently } from "./http-server.js";
import { ownNames } from "./own-names.js";
import { createRmLink } from "./rm-link.js";

/** `troupe gateway`: HTTP in, the Troupe protocol out. Holds nothing that a restart would lose. */
export async function runGateway({ dir }: { readonly dir: string }): Promise<void> {
  endWithSupervisor(dir);
  const logger = createLogger("gateway");
  const config = readRunConfig(dir);
  const boot = bootId(randomId());
  const hello = (): Hello => ({
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId: config.clusterId,
    role: "gateway",
    bootId: boot,
    group: null,
    replica: null,
    incarnation: null,
    hostId: null,
  });
  const names = config.groups.map((spec) => spec.group);
  const groups = createGroups({ dir, clusterId: config.clusterId, bootId: boot, groups: names, services: config.services });
  const rm = createRmLink({ address: () => readAddress(dir, "rm"), hello, onStatus: (image) => groups.learn(image) });

  const backend: Backend = {
    clusterId: config.clusterId,
    requestTimeoutMs: config.requestTimeoutMs,
    keyExpiryMs: config.keyExpiryMs,
    group: (name) => groups.get(name),
    status: () => ({
      image: rm.image === null ? null : { ...rm.image, components: withGateway(rm.image.components, rm.isUp) },
      stale: !rm.isUp,
    }),
    administer: (command) => rm.administer(command),
    eventsAfter: (id) => rm.eventsAfter(id),
    onEvents: (listener) => rm.onEvents(listener),
  };
  const app = createApp(backend, ownNames(config.gateway.host), (error) => logger.error({ err: error }, "a request met a bug"));
  // With port 0 a restarted gateway takes the port that callers know, if it is still free.
  const wanted = config.gateway.port || (readAddress(dir, "gateway")?.port ?? 0);
  const { port } = await listenPatiently({ fetch: app.fetch, host: config.gateway.host, port: wanted });
  writeAddress(dir, "gateway", {
    host: config.gateway.host,
    port,
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? 0,
    bootId: boot,
  });
  logger.info({ host: config.gateway.host, port }, "listening");
}

/** The gateway knows of itself; and while the Replication Manager is away, that it is. */
function withGateway(components: readonly ComponentStatus[], rmIsUp: boolean): ComponentStatus[] {
  const others = components
    .filter((each) => each.component !== "gateway")
    .map((each): ComponentStatus => (each.component === "rm" && !rmIsUp ? { ...each, verdict: "suspected" } : each));
  const host = components[0]?.host ?? hostId("local");
  return [...others, { component: "gateway", host, pid: process.pid, verdict: "alive" }];
}
