import { encodeValue } from "../codec/value.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { Reply, ServiceError } from "../vocabulary/session.js";
import { copyOut } from "./journal/copy-out.js";
import { StateRefusal } from "./journal/refusal.js";
import { ServiceRefusal } from "./refuse.js";
import type { OperationOutcome } from "./state-machine.js";

const NOTHING = new Uint8Array(0);
const MESSAGE_LENGTH_MAX = 4_096;

/** The reply to a handler that returned `value`. Throws a StateRefusal or ServiceRefusal when the value cannot be sent. */
export function replyOf(value: unknown): Reply {
  const bytes = encodeValue(copyOut(value));
  if (bytes.length > LIMITS.payloadSizeBytesMax)
    throw new ServiceRefusal("too-large", `the result has ${bytes.length} bytes; at most ${LIMITS.payloadSizeBytesMax} can be sent`);
  return { refused: false, bytes };
}

export function refusal(code: string, message: string, details?: unknown): Reply {
  const short = message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX)}...` : message;
  const error: ServiceError = details === undefined ? { code, message: short } : { code, message: short, details };
  return { refused: true, bytes: encodeValue(error) };
}

/** The reply to a handler that threw. */
export function replyToThrow(error: unknown): Reply {
  if (error instanceof ServiceRefusal) return refusal(error.code, error.message, sendable(error.details));
  if (error instanceof StateRefusal) return refusal(error.code, error.message);
  return refusal("refused", error instanceof Error ? error.message : textOf(error));
}

/** Details that cannot be sent are left out rather than put in the place of the refusal. */
function sendable(details: unknown): unknown {
  try {
    return copyOut(details);
  } catch {
    return undefined;
  }
}

function textOf(thrown: unknown): string {
  return typeof thrown === "string" ? thrown : "the handler threw something that is no Error";
}

/** A refused operation has changed nothing. */
export function refusedOutcome(reply: Reply): OperationOutcome {
  return { reply, redo: NOTHING };
}
