import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { readRunConfig } from "../config/run-config.js";
import { readAddress } from "../runtime/address-file.js";
import type { GroupStatus, StatusImage } from "../vocabulary/admin.js";
import { hasCode } from "../runtime/error-code.js";
import { DEFAULTS } from "../vocabulary/limit.js";
import { EXIT, Failure, isFailure } from "./output.js";

/** Where a command finds the gateway: `--port`, or the address that the gateway has left in the data folder. */
export interface Target {
  readonly port?: number;
  readonly dir: string;
}

export type Status = Pick<StatusImage, "hosts" | "components" | "detectors"> & {
  readonly stale: boolean;
  readonly groups: readonly Omit<GroupStatus, "view" | "book">[];
};

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export function gatewayUrl(target: Target): string {
  if (target.port !== undefined) return `http://127.0.0.1:${target.port}`;
  const record = readAddress(target.dir, "gateway");
  if (record === null)
    throw new Failure(
      EXIT.unreachable,
      `No gateway has left its address in ${target.dir}. Is \`troupe up\` running, with this --dir? A port can be given with --port.`,
    );
  const isAny = record.host === "0.0.0.0" || record.host === "::";
  return `http://${hostInUrl(isAny ? "127.0.0.1" : record.host)}:${record.port}`;
}

export function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** One request. Throws when nobody answers at all. */
export async function ask(
  target: Target,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const url = `${gatewayUrl(target)}${path}`;
  const init: RequestInit = { method, headers: { ...(method === "GET" ? {} : { "content-type": "application/json" }), ...headers } };
  if (body !== undefined) init.body = JSON.stringify(body);
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const reason = cause instanceof Error ? cause.message : String(error);
    const failure = new Failure(
      EXIT.unreachable,
      `The gateway at ${gatewayUrl(target)} does not answer (${reason}). Is \`troupe up\` running?`,
    );
    failure.cause = cause;
    throw failure;
  }
}

/** Asks and throws what the gateway says is wrong. */
export async function askOk(
  target: Target,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<unknown> {
  const answer = await ask(target, method, path, body, headers);
  if (answer.status < 300) return answer.body;
  throw failureOf(answer);
}

export function failureOf({ status, body }: Answer): Failure {
  const error = field(body, "error");
  const message = field(error, "message");
  const code = field(error, "code");
  const outcome = field(error, "outcome");
  const exitCode = outcome === "unknown" ? EXIT.unknown : outcome === "refused" ? EXIT.refused : EXIT.failed;
  return new Failure(
    exitCode,
    typeof message === "string" ? `${message} [${String(code)}, ${String(outcome)}]` : `The gateway answered ${status}.`,
    error,
  );
}

export function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

export async function readStatus(target: Target): Promise<Status> {
  return (await askOk(target, "GET", "/v1/status")) as Status;
}

/** The named group, or the only one. */
export async function chooseGroup(target: Target, named?: string): Promise<Status["groups"][number]> {
  const { groups } = await readStatus(target);
  const found = named === undefined && groups.length === 1 ? groups[0] : groups.find((group) => group.group === named);
  if (found !== undefined) return found;
  const names = groups.map((group) => group.group).join(", ") || "none yet";
  throw new Failure(
    EXIT.failed,
    named === undefined ? `Say which group with --group; there are: ${names}.` : `There is no group ${named}; there are: ${names}.`,
  );
}

const RETRY_MS = 200;

/**
 * An operation with a key of its own, sent again when the connection breaks or the answer is a passing one: executed once all the same.
 * Once a connection broke with it, a later "not executed" is only of the later copy, so the end is unknown unless an answer says more. And the group
 * remembers the key of the lost copy only so long: sent after that it would be executed again.
 */
export async function operate(
  target: Target,
  path: string,
  input: unknown,
  timeoutMs: number,
  key: string = randomUUID(),
): Promise<unknown> {
  let endMs = performance.now() + timeoutMs;
  let isCopyLost = false;
  for (;;) {
    const leftMs = Math.max(1, Math.ceil(endMs - performance.now()));
    const headers = { "idempotency-key": key, "troupe-timeout-ms": String(leftMs) };
    const answer = await ask(target, "POST", path, input, headers).catch((error: unknown) => {
      if (!isFailure(error)) throw error;
      if (!isCopyLost && !hasCode(error.cause, "ECONNREFUSED")) {
        isCopyLost = true;
        endMs = Math.min(endMs, performance.now() + keyExpiryMsOf(target) / 2);
      }
      if (performance.now() < endMs) return null;
      throw isCopyLost ? lostCopy(key, error.message) : error;
    });
    if (answer !== null) {
      if (answer.status < 300) return answer.body;
      const isPassing = answer.status === 503 || (answer.status === 429 && isCopyLost);
      const failure = failureOf(answer);
      if (!isPassing || performance.now() >= endMs) throw isPassing && isCopyLost ? lostCopy(key, failure.message) : failure;
    }
    await sleep(RETRY_MS);
  }
}

/** Of the system in the data folder; one that is reached by --port alone is taken to have been left as it is by default. */
function keyExpiryMsOf({ dir }: Target): number {
  try {
    return readRunConfig(dir).keyExpiryMs;
  } catch {
    return DEFAULTS.keyExpiryMs;
  }
}

function lostCopy(key: string, last: string): Failure {
  const message = `The connection broke before the answer: whether the request was executed is unknown. Ask again with --key ${key} to find out, before keyExpiryMs (10 minutes by default) have passed. (${last})`;
  return new Failure(EXIT.unknown, message, { code: "timeout", outcome: "unknown", message });
}
