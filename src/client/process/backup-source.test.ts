import { afterEach, expect, it } from "vitest";
import { listen, type Listener } from "../../runtime/listener.js";
import { bootId, clusterId, groupName, hostId, incarnation, replicaId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { View } from "../../vocabulary/view.js";
import { BackupInterrupted, type BackupSource, openBackupSource } from "./backup-source.js";

const SYSTEM = clusterId("c".repeat(32));
const GROUP = groupName("bank");
const LEADER = replicaId("bank-1");
const LIFE = incarnation("1".repeat(32));
const VIEW: View = {
  group: GROUP,
  generation: 1,
  epoch: [1, 1],
  members: [{ replica: LEADER, incarnation: LIFE }],
  leader: LEADER,
  style: "active",
  quorum: 1,
  durability: "disk",
};
const SLICE_TIMEOUT_MS = 50;
/** Several times of that. */
const SNAPSHOT_MS = 300;

let listener: Listener;
let source: BackupSource;

afterEach(async () => {
  source.close();
  await listener.close();
});

/** A leader whose snapshot takes a while; later slices never come. */
async function openSlow(): Promise<void> {
  listener = await listen({
    host: "127.0.0.1",
    port: 0,
    connectionsMax: 10,
    hello: () => ({
      kind: "hello",
      protocolVersion: PROTOCOL_VERSION,
      clusterId: SYSTEM,
      role: "server",
      bootId: bootId("b".repeat(32)),
      group: GROUP,
      replica: LEADER,
      incarnation: LIFE,
      hostId: null,
    }),
    accepts: () => null,
    onOpen: () => {},
    onMessage: (connection, message) => {
      if (message.kind !== "read-backup" || message.offsetBytes > 0) return;
      const { ticket } = message;
      const bytes = new Uint8Array(8);
      const slice = { ticket, index: 4, epoch: VIEW.epoch, sizeBytes: 16, checksum: 1, offsetBytes: 0, bytes, view: VIEW };
      setTimeout(() => connection.send({ kind: "backup-slice", ...slice }), SNAPSHOT_MS);
    },
    onClose: () => {},
  });
  const book = {
    version: VIEW.epoch,
    entries: [{ replica: LEADER, hostId: hostId("host-1"), address: listener.address, bootId: bootId("b".repeat(32)) }],
  };
  source = openBackupSource({ clusterId: SYSTEM, group: GROUP, view: VIEW, book, operations: [], queries: [] }, SLICE_TIMEOUT_MS);
}

it("waits for a snapshot that takes long, as long as its leader leads; a slice that does not come is not waited for", async () => {
  await openSlow();
  let asked = 0;
  const first = await source.begin(async () => {
    asked += 1;
    return true;
  });
  expect(first).toMatchObject({ index: 4, offsetBytes: 0 });
  expect(asked).toBeGreaterThan(1);
  await expect(source.read(4, 8)).rejects.toBeInstanceOf(BackupInterrupted);
});

it("gives up a snapshot whose leader leads no more, or of whom nobody knows", async () => {
  await openSlow();
  await expect(source.begin(async () => false)).rejects.toThrow(/sends nothing/);
  source.close();
  await listener.close();
  await openSlow();
  await expect(source.begin(() => Promise.reject(new Error("nobody answers")))).rejects.toThrow(/sends nothing/);
});
