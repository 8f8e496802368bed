import { afterEach, expect, it } from "vitest";
import type { Connection } from "../../runtime/connection.js";
import { type Listener, listen } from "../../runtime/listener.js";
import type { TroupeEvent } from "../../vocabulary/admin.js";
import { bootId, clusterId, groupName } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import { IMAGE } from "../http/stand-in.test-kit.js";
import { createRmLink, type RmLink } from "./rm-link.js";

const helloOf = (role: Hello["role"]): Hello => ({
  kind: "hello",
  protocolVersion: PROTOCOL_VERSION,
  clusterId: clusterId("0".repeat(32)),
  role,
  bootId: bootId("1".repeat(32)),
  group: null,
  replica: null,
  incarnation: null,
  hostId: null,
});

const COMMAND = {
  kind: "set-all",
  parts: [
    { kind: "set-group", group: groupName("counter"), change: { replicas: 5 } },
    { kind: "set-detector", detector: "gfd", knobs: { heartbeatIntervalMs: 60 } },
  ],
} as const;
const event = (id: number): TroupeEvent => ({ id, atMs: 0, kind: "gone", text: `event ${id}` });

let listener: Listener | null = null;
let link: RmLink | null = null;
afterEach(async () => {
  link?.close();
  await listener?.close();
  listener = null;
});

interface StandInRm {
  readonly heard: Message[];
  connection: Connection | null;
  answers: boolean;
  until(reached: () => boolean): Promise<void>;
}

async function startRm(port: number): Promise<StandInRm> {
  let wake = () => {};
  const rm: StandInRm = {
    heard: [],
    connection: null,
    answers: true,
    async until(reached) {
      while (!reached())
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    },
  };
  listener = await listen({
    host: "127.0.0.1",
    port,
    connectionsMax: 10,
    hello: () => helloOf("rm"),
    accepts: () => null,
    onOpen(connection) {
      rm.connection = connection;
      wake();
    },
    onMessage(connection, message) {
      rm.heard.push(message);
      if (message.kind === "admin-request" && rm.answers)
        connection.send({ kind: "admin-reply", ticket: message.ticket, outcome: { kind: "accepted", changeId: "c" } });
      wake();
    },
    onClose: () => wake(),
  });
  return rm;
}

function linkTo(onStatus: () => void = () => {}, adminTimeoutMs = 5_000): RmLink {
  link = createRmLink({ address: () => listener?.address ?? null, hello: () => helloOf("gateway"), onStatus, adminTimeoutMs });
  return link;
}

it("a change that is asked for while the Replication Manager is away waits for it", async () => {
  const asked = linkTo().administer(COMMAND);
  const rm = await startRm(0);
  expect(await asked).toEqual({ kind: "accepted", changeId: "c" });
  expect(rm.heard.map((message) => message.kind)).toEqual(["subscribe-status", "admin-request"]);
});

it("what became of a change whose answer is lost is unknown, and says to look first", async () => {
  const rm = await startRm(0);
  rm.answers = false;
  const asked = linkTo().administer(COMMAND);
  await rm.until(() => rm.heard.some((message) => message.kind === "admin-request"));
  rm.connection?.close();
  expect(await asked).toMatchObject({ kind: "unknown", message: expect.stringContaining("look at the status") });
});

it("what becomes of a change that was sent and is not answered in time is unknown; one that never left is rejected", async () => {
  const made = linkTo(() => {}, 100);
  expect(await made.administer(COMMAND)).toMatchObject({ kind: "rejected", httpStatus: 503 });
  const rm = await startRm(0);
  rm.answers = false;
  await rm.until(() => rm.heard.length > 0);
  const asked = made.administer(COMMAND);
  await rm.until(() => rm.heard.some((message) => message.kind === "admin-request"));
  expect(await asked).toMatchObject({ kind: "unknown", message: expect.stringContaining("may still be taken") });
});

it("the last status stays while the Replication Manager is away, and events go on where they were", async () => {
  let heardStatus = () => {};
  const hasStatus = new Promise<void>((resolve) => {
    heardStatus = resolve;
  });
  const rm = await startRm(0);
  const port = listener?.address.port ?? 0;
  const made = linkTo(() => heardStatus());
  await rm.until(() => rm.connection !== null);
  rm.connection?.send({ kind: "events", events: [event(1), event(2)] });
  rm.connection?.send({ kind: "status", status: IMAGE });
  await hasStatus;
  await listener?.close();
  expect(made.image).toEqual(IMAGE);
  const second = await startRm(port);
  await second.until(() => second.heard.length > 0);
  expect(second.heard[0]).toEqual({ kind: "subscribe-status", afterEventId: 2 });
  const third = new Promise<readonly TroupeEvent[]>((resolve) => made.onEvents(resolve));
  second.connection?.send({ kind: "events", events: [event(2), event(3)] });
  expect((await third).map((each) => each.id)).toEqual([3]);
  expect(made.eventsAfter(1).map((each) => each.id)).toEqual([2, 3]);
});
