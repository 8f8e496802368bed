import { get } from "node:http";
import { readAddress } from "../runtime/address-file.js";
import { dial } from "../runtime/dialer.js";
import { randomId } from "../runtime/random.js";
import { bootId, type ClusterId } from "../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../vocabulary/limit.js";

/** How a component is asked whether it is there: by a heartbeat on its listener, or by any HTTP answer. */
export type ProbeKind = "heartbeat" | "http" | "none";

export interface Probe {
  /** Asks once; an answer comes through `onAnswer`. False: it cannot be asked now. */
  ask(): boolean;
  close(): void;
}

export interface ProbeOptions {
  readonly kind: ProbeKind;
  readonly dir: string;
  readonly name: string;
  readonly clusterId: ClusterId;
  /** The process that is meant: a record of an earlier life is not dialled. */
  pid(): number | null;
  onAnswer(): void;
}

const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 1_000;
const TIMEOUT_MS = 5_000;

export function createProbe(options: ProbeOptions): Probe {
  switch (options.kind) {
    case "heartbeat":
      return createHeartbeatProbe(options);
    case "http":
      return { ask: () => askHttp(options), close: () => {} };
    case "none":
      return { ask: () => false, close: () => {} };
  }
}

function createHeartbeatProbe(options: ProbeOptions): Probe {
  let sequence = 0;
  const boot = bootId(randomId());
  const dialer = dial({
    address: () => addressOf(options),
    hello: () => ({
      kind: "hello",
      protocolVersion: PROTOCOL_VERSION,
      clusterId: options.clusterId,
      role: "client",
      bootId: boot,
      group: null,
      replica: null,
      incarnation: null,
      hostId: null,
    }),
    accepts: () => null,
    onOpen: () => {},
    onMessage: (_connection, message) => {
      if (message.kind === "heartbeat-answer") options.onAnswer();
    },
    onClose: () => {},
    backoffMinMs: BACKOFF_MIN_MS,
    backoffMaxMs: BACKOFF_MAX_MS,
    connectTimeoutMs: TIMEOUT_MS,
  });
  return {
    ask() {
      const { connection } = dialer;
      if (connection === null) return false;
      sequence += 1;
      connection.send({ kind: "heartbeat", sequence });
      return true;
    },
    close: () => dialer.close(),
  };
}

function addressOf(options: ProbeOptions) {
  const record = readAddress(options.dir, options.name);
  return record !== null && record.pid === options.pid() ? record : null;
}

/** Any answer will do, an error as well: the loop that gives it is the one that does the work. */
function askHttp(options: ProbeOptions): boolean {
  const address = addressOf(options);
  if (address === null) return false;
  const request = get({ host: address.host, port: address.port, path: "/healthz", timeout: TIMEOUT_MS, agent: false }, (response) => {
    response.resume();
    options.onAnswer();
  });
  request.on("timeout", () => request.destroy());
  request.on("error", () => {});
  return true;
}
