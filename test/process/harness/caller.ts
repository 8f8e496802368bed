import { randomUUID } from "node:crypto";
import { connect, TroupeError } from "troupe/client";
import type trial from "../services/trial.js";
import type { Installation } from "./installation.js";
import { pause } from "./wait.js";

/** How one request ended, as its client was told. */
export interface Answer {
  readonly outcome: "ok" | "refused" | "not-executed" | "unknown";
  readonly result?: unknown;
  readonly code?: string;
  readonly message?: string;
}

/** One client, whichever way it talks to the group. Never throws: what went wrong is an answer. */
export interface Caller {
  readonly kind: "troupe" | "http";
  operate(operation: string, input: unknown): Promise<Answer>;
  query(query: string, input?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

export async function troupeCaller(at: Installation, options: { timeoutMs?: number } = {}): Promise<Caller> {
  const client = await connect<typeof trial>(at.clientUrl, options);
  // Called by name: the workload draws its operations.
  const methods = new Map<string, unknown>(Object.entries(client));
  const call = async (name: string, input: unknown): Promise<Answer> => {
    const method = methods.get(name);
    if (typeof method !== "function") throw new Error(`the client has no ${name}`);
    try {
      return { outcome: "ok", result: await method(input) };
    } catch (error) {
      return answerOf(error);
    }
  };
  return { kind: "troupe", operate: call, query: call, close: () => client.close() };
}

export function answerOf(error: unknown): Answer {
  if (error instanceof TroupeError) return { outcome: error.outcome, code: error.code, message: error.message };
  throw error;
}

const HTTP_PATIENCE_MS = 40_000;
const HTTP_RETRY_MS = 50;

/**
 * A client of another language: it sends each operation with a key of its own, and again with that key when the connection breaks, the
 * group does not serve at the moment (503) or no answer came in time (504).
 */
export function httpCaller(at: Installation): Caller {
  const call = async (path: string, input: unknown, headers: Record<string, string>): Promise<Answer> => {
    const endMs = performance.now() + HTTP_PATIENCE_MS;
    let last: Answer = { outcome: "unknown", code: "no-connection" };
    while (performance.now() < endMs) {
      const sent = await post(`${at.url}/v1/groups/${at.group}/${path}`, input, headers);
      if (!isPassing(sent)) return sent;
      last = sent;
      await pause(HTTP_RETRY_MS);
    }
    return { ...last, outcome: "unknown" };
  };
  return {
    kind: "http",
    operate: (operation, input) => call(`operations/${operation}`, input, { "idempotency-key": randomUUID() }),
    query: (query, input) => call(`queries/${query}`, input, {}),
    close: async () => {},
  };
}

function isPassing(answer: Answer): boolean {
  return (
    answer.outcome === "unknown" ||
    (answer.outcome === "not-executed" && (answer.code === "unavailable" || answer.code === "below-minimum"))
  );
}

async function post(url: string, input: unknown, headers: Record<string, string>): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: input === undefined ? "" : JSON.stringify(input),
      signal: AbortSignal.timeout(HTTP_PATIENCE_MS),
    });
    const body = (await response.json()) as { result?: unknown; error?: { code: string; message: string; outcome: Answer["outcome"] } };
    if (response.ok) return { outcome: "ok", result: body.result };
    const { code = "none", message = "", outcome = "unknown" } = body.error ?? {};
    return { outcome, code, message };
  } catch (error) {
    return { outcome: "unknown", code: "no-connection", message: error instanceof Error ? String(error.cause ?? error) : String(error) };
  }
}
