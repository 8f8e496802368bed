import { createGroupClient, type GroupClient } from "../../client/process/group-client.js";
import type { ServiceNames } from "../../config/run-config.js";
import { exitFatally } from "../../runtime/driver.js";
import type { StatusImage } from "../../vocabulary/admin.js";
import { compareEpochs, EPOCH_ZERO } from "../../vocabulary/epoch.js";
import type { BootId, ClusterId, GroupName } from "../../vocabulary/ids.js";
import { LIMITS } from "../../vocabulary/limit.js";
import type { GroupAccess } from "../http/backend.js";
import { type KnownMembers, readMembers, writeMembers } from "./members-file.js";

export interface GroupsOptions {
  readonly dir: string;
  readonly clusterId: ClusterId;
  readonly bootId: BootId;
  readonly groups: readonly GroupName[];
  readonly services: Readonly<Record<string, ServiceNames>>;
}

/** One client a group, shared by all HTTP callers of this gateway. */
export interface Groups {
  get(name: string): GroupAccess | null;
  /** News from the Replication Manager. */
  learn(image: StatusImage): void;
  close(): Promise<void>;
}

interface Group {
  readonly access: GroupAccess;
  readonly client: GroupClient;
  learn(known: KnownMembers): void;
}

export function createGroups(options: GroupsOptions): Groups {
  const groups = new Map<string, Group>(options.groups.map((name) => [name, createGroup(options, name)]));
  return {
    get: (name) => groups.get(name)?.access ?? null,
    learn(image) {
      for (const status of image.groups) groups.get(status.group)?.learn(status);
    },
    async close() {
      for (const group of groups.values()) await group.client.close();
    },
  };
}

function createGroup({ dir, clusterId, bootId, services }: GroupsOptions, name: GroupName): Group {
  let known: KnownMembers = readMembers(dir, clusterId, name) ?? { view: null, book: { version: EPOCH_ZERO, entries: [] } };
  const client = createGroupClient({
    role: "gateway",
    clusterId,
    group: name,
    bootId,
    discover: async () => known,
    // It would go on and refuse everything: a gateway that starts again holds nothing that is lost.
    onBroken: exitFatally,
    // More than this waiting is refused: callers over HTTP can be told at once.
    waitingMax: LIMITS.inFlightPerClientMax,
  });
  client.learn(known.view, known.book);
  const names = Object.hasOwn(services, name) ? services[name] : undefined;

  return {
    client,
    access: {
      client,
      operations: names === undefined ? null : new Set(names.operations),
      queries: names === undefined ? null : new Set(names.queries),
      // Members tell the client of a new view before the Replication Manager tells the gateway.
      members: () => ({ view: client.view ?? known.view, book: known.book }),
    },
    learn(next) {
      const isNews =
        compareEpochs(next.book.version, known.book.version) > 0 ||
        (next.view !== null && compareEpochs(next.view.epoch, known.view?.epoch ?? EPOCH_ZERO) > 0);
      if (!isNews) return;
      known = { view: next.view, book: next.book };
      client.learn(next.view, next.book);
      writeMembers(dir, clusterId, name, known);
    },
  };
}
