import type { Context, Hono } from "hono";
import type { CallOutcome } from "../../client/core/effect.js";
import { resultOf } from "../../client/process/result.js";
import { encodeValue } from "../../codec/value.js";
import { reasonOf } from "../../runtime/error-code.js";
import { isSessionId } from "../../vocabulary/ids.js";
import { LIMITS } from "../../vocabulary/limit.js";
import { CONSISTENCIES, type Consistency } from "../../vocabulary/message-client.js";
import type { RequestIdentity } from "../../vocabulary/session.js";
import type { Backend, GroupAccess } from "./backend.js";
import { failure, failureOf } from "./failure.js";
import { fromJson, toJson } from "./tagged-json.js";

/** A refusal that may pass is retried so long inside, and then told: the caller may have better to do. */
const PATIENCE_MS = 2_000;
/** How long a caller may wait for an answer, whatever it asks for. */
export const TIMEOUT_MS_MAX = 60_000;

/** Operations, queries and sessions. */
export function addWork(app: Hono, backend: Backend): void {
  app.post("/v1/groups/:group/operations/:operation", async (c) => {
    const group = groupOf(backend, c.req.param("group"));
    const operation = c.req.param("operation");
    knownOr404(group.operations, operation, "operation", group.queries);
    const identity = identityOf(c);
    // What is still sent when its key is forgotten would be executed again.
    const timeoutMs = Math.min(timeoutOf(c, backend), identity?.kind === "key" ? backend.keyExpiryMs / 2 : Number.POSITIVE_INFINITY);
    const input = await inputOf(c);
    const options = { timeoutMs, patienceMs: Math.min(PATIENCE_MS, timeoutMs) };
    return answer(c, await group.client.operate(operation, input, identity === null ? options : { ...options, identity }));
  });

  app.post("/v1/groups/:group/queries/:query", async (c) => {
    const group = groupOf(backend, c.req.param("group"));
    const query = c.req.param("query");
    knownOr404(group.queries, query, "query", group.operations);
    const consistency = consistencyOf(c);
    const timeoutMs = timeoutOf(c, backend);
    return answer(c, await group.client.query(query, await inputOf(c), consistency, timeoutMs));
  });

  app.post("/v1/groups/:group/sessions", async (c) => {
    const group = groupOf(backend, c.req.param("group"));
    const result = resultOf(await group.client.openSession(timeoutOf(c, backend)));
    if (!result.ok) throw failureOf(result.error);
    return c.json({ session: String(result.value), result: { session: String(result.value) } });
  });
}

export function groupOf(backend: Backend, name: string): GroupAccess {
  const group = backend.group(name);
  if (group === null) throw failure("unknown-group", `There is no group "${name}". GET /v1/status names the groups.`);
  return group;
}

function knownOr404(
  names: ReadonlySet<string> | null,
  name: string,
  kind: "operation" | "query",
  others: ReadonlySet<string> | null,
): void {
  if (names === null || names.has(name)) return;
  const other = kind === "operation" ? "query" : "operation";
  const hint =
    others?.has(name) === true
      ? ` There is ${other === "query" ? "a query" : "an operation"} of this name: POST it to /${other === "query" ? "queries" : "operations"}/${name}.`
      : ` There are: ${[...names].join(", ")}.`;
  throw failure("unknown-operation", `The service has no ${kind} "${name}".${hint}`);
}

/** Who the request is (S6g): by key, by session and number, or, with neither, one of the gateway's own session that nobody can repeat. */
function identityOf(c: Context): RequestIdentity | null {
  const key = c.req.header("idempotency-key");
  const session = c.req.header("troupe-session");
  const number = c.req.header("troupe-sequence");
  if (key !== undefined) {
    if (session !== undefined || number !== undefined)
      throw failure("bad-request", "Send an Idempotency-Key, or Troupe-Session with Troupe-Sequence, not both.");
    if (!/^[\x21-\x7e]+$/.test(key) || key.length > LIMITS.keyLengthMax)
      throw failure(
        "bad-request",
        `An Idempotency-Key has 1 to ${LIMITS.keyLengthMax} printable ASCII characters without spaces, a UUID for one.`,
      );
    return { kind: "key", key };
  }
  if (session === undefined && number === undefined) return null;
  if (session === undefined || !isSessionId(session))
    throw failure("bad-request", "Troupe-Session has to be the id that POST /v1/groups/{group}/sessions gave.");
  const sequence = countOf(number, "Troupe-Sequence");
  // A caller that does not say so is taken to have had its answers up to a full window behind.
  const behind = Math.max(1, sequence - LIMITS.inFlightPerClientMax + 1);
  const floor = c.req.header("troupe-floor") === undefined ? behind : countOf(c.req.header("troupe-floor"), "Troupe-Floor");
  if (floor > sequence)
    throw failure("bad-request", "Troupe-Floor is the lowest number without an answer: it cannot be above Troupe-Sequence.");
  return { kind: "session", session, resumption: 0, sequence, floor };
}

function countOf(text: string | undefined, name: string): number {
  const value = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw failure("bad-request", `${name} has to be a whole number from 1.`);
  return value;
}

function timeoutOf(c: Context, backend: Backend): number {
  const text = c.req.header("troupe-timeout-ms");
  return text === undefined ? backend.requestTimeoutMs : Math.min(countOf(text, "Troupe-Timeout-Ms"), TIMEOUT_MS_MAX);
}

function consistencyOf(c: Context): Consistency {
  const text = c.req.query("consistency") ?? "linearizable";
  const found = CONSISTENCIES.find((each) => each === text);
  if (found === undefined) throw failure("bad-request", `The consistency "${text}" is none of ${CONSISTENCIES.join(", ")}.`);
  return found;
}

async function inputOf(c: Context): Promise<Uint8Array> {
  const body = await c.req.arrayBuffer();
  if (body.byteLength === 0) return encodeValue(undefined);
  let input: unknown;
  try {
    // Text that is no UTF-8 would be stored as something else.
    input = fromJson(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)));
  } catch (error) {
    const reason = reasonOf(error);
    throw failure("bad-request", `The body is no input: ${reason}.`);
  }
  const bytes = encodeValue(input);
  if (bytes.byteLength > LIMITS.payloadSizeBytesMax)
    throw failure("too-large", `The input has ${bytes.byteLength} bytes; at most ${LIMITS.payloadSizeBytesMax} are taken.`);
  return bytes;
}

function answer(c: Context, outcome: CallOutcome): Response {
  const result = resultOf(outcome);
  if (!result.ok) throw failureOf(result.error);
  const { index, epoch } = outcome.kind === "answered" ? outcome : { index: 0, epoch: [0, 0] };
  return c.json({ result: result.value === undefined ? null : toJson(result.value), index, epoch });
}
