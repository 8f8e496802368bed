import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { decodeValue, encodeValue } from "../../../src/codec/value.js";
import type { RunConfig } from "../../../src/config/run-config.js";
import { type Connection, openConnection } from "../../../src/runtime/connection.js";
import { randomId } from "../../../src/runtime/random.js";
import { compareEpochs, type Epoch } from "../../../src/vocabulary/epoch.js";
import { bootId } from "../../../src/vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../../src/vocabulary/limit.js";
import type { Message } from "../../../src/vocabulary/message.js";
import type { Installation } from "./installation.js";
import { until } from "./wait.js";

/** A client that talks to one server only, and keeps what it is told: it shows what a process answers that has slept through a failover. */
export interface Witness {
  /** Sends a read and an operation without an effect, whether the process runs or not. */
  ask(): void;
  /** Waits until both are answered; throws if one has a result of an epoch up to `epoch`. */
  untilNoOldAnswer(epoch: Epoch, deadlineMs?: number): Promise<void>;
  close(): void;
}

const READ = 1;
const OPERATION = 2;

export async function watchServer(at: Installation, replica: string): Promise<Witness> {
  const heard: Message[] = [];
  const connection = await connectTo(at, replica, (message) => void heard.push(message));

  return {
    ask() {
      const input = encodeValue(1);
      connection.send({ kind: "query", ticket: READ, query: "count", input, consistency: "linearizable", atLeastIndex: 0 });
      connection.send({ kind: "request", ticket: OPERATION, identity: { kind: "key", key: randomId() }, operation: "toil", input });
    },
    async untilNoOldAnswer(epoch, deadlineMs = 5_000) {
      const answers = (): Message[] =>
        heard.filter((message) => "ticket" in message && (message.ticket === READ || message.ticket === OPERATION));
      await until(`${replica} says something to both requests`, deadlineMs, async () => {
        const seen = answers();
        return seen.length >= 2 ? { found: undefined } : { seen: JSON.stringify(seen.map(({ kind }) => kind)) };
      });
      const old = answers().find((message) => message.kind === "reply" && compareEpochs(message.epoch, epoch) <= 0);
      if (old !== undefined) throw new Error(`${replica} has answered from its old view: ${JSON.stringify(old)}`);
    },
    close: () => connection.close(),
  };
}

async function portOf(at: Installation, replica: string): Promise<number> {
  const response = await fetch(`${at.url}/v1/groups/${at.group}/members`);
  const { book } = (await response.json()) as { book: { entries: { replica: string; address: { port: number } }[] } };
  const port = book.entries.find((entry) => entry.replica === replica)?.address.port;
  if (port === undefined) throw new Error(`no address of ${replica}`);
  return port;
}

function connectTo(at: Installation, replica: string, onMessage: (message: Message) => void): Promise<Connection> {
  const config: RunConfig = JSON.parse(readFileSync(join(at.dir, "config.json"), "utf8"));
  return new Promise<Connection>((resolve, reject) => {
    void portOf(at, replica).then((port) => {
      const socket = connect({ host: "127.0.0.1", port }, () => {
        openConnection(socket, {
          hello: () => ({
            kind: "hello",
            protocolVersion: PROTOCOL_VERSION,
            clusterId: config.clusterId,
            role: "client",
            bootId: bootId(randomId()),
            group: null,
            replica: null,
            incarnation: null,
            hostId: null,
          }),
          accepts: () => null,
          helloTimeoutMs: 5_000,
          onOpen: resolve,
          onMessage: (_, message) => onMessage(message),
          onClose: () => {},
          onEnd: (reason) => reject(new Error(`${replica} does not take the witness: ${reason}`)),
        });
      });
    }, reject);
  });
}

/** What one replica answers by itself, however old it may be. */
async function askReplica(at: Installation, replica: string, query: string): Promise<unknown> {
  const answers: Message[] = [];
  const connection = await connectTo(at, replica, (message) => void answers.push(message));
  const ask = (): void =>
    void connection.send({ kind: "query", ticket: READ, query, input: encodeValue(undefined), consistency: "any", atLeastIndex: 0 });
  ask();
  try {
    return await until(`${replica} answers`, 5_000, async () => {
      // A member that was started again redirects while it takes up its state.
      if (answers.some(({ kind }) => kind === "redirect")) {
        answers.length = 0;
        ask();
      }
      const reply = answers.find((message) => message.kind === "reply");
      if (reply?.kind === "reply" && !reply.reply.refused) return { found: decodeValue(reply.reply.bytes) };
      return { seen: JSON.stringify(answers.map(({ kind }) => kind)) };
    });
  } finally {
    connection.close();
  }
}

/** Waits until all replicas hold the same state; throws with what differs when they never do. Only while nobody writes. */
export async function untilReplicasAgree(at: Installation, replicas: readonly string[]): Promise<void> {
  await until("all replicas hold the same state", 15_000, async () => {
    const states = await Promise.all(replicas.map(async (replica) => String(await askReplica(at, replica, "everything"))));
    const other = states.findIndex((state) => state !== states[0]);
    if (other < 0) return { found: undefined };
    return { seen: `${replicas[0]} and ${replicas[other]} differ: ${difference(states[0] ?? "", states[other] ?? "")}` };
  });
}

function difference(one: string, other: string): string {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const from = Math.max(0, at - 60);
  return `at ${at} of ${one.length} and ${other.length}: ...${one.slice(from, at + 60)}... and ...${other.slice(from, at + 60)}...`;
}
