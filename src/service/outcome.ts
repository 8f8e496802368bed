import { encodeValue } from "../codec/value.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { Reply, ServiceError } from "../vocabulary/session.js";
import { copyOut } from "./journal/copy-out.js";
import { isStateRefusal } from "./journal/refusal.js";
import { isServiceRefusal, ServiceRefusal } from "./refuse.js";
import type { OperationOutcome } from "./state-machine.js";

const NOTHING = new Uint8Array(0);
const MESSAGE_LENGTH_MAX = 4_096;
const CODE_LENGTH_MAX = 255;

/** The reply to a handler that returned `value`. Throws a StateRefusal or ServiceRefusal when the value cannot be sent. */
export function replyOf(value: unknown): Reply {
  const bytes = encodeValue(copyOut(value));
  if (bytes.length > LIMITS.payloadSizeBytesMax)
    throw new ServiceRefusal("too-large", `the result has ${bytes.length} bytes; at most ${LIMITS.payloadSizeBytesMax} can be sent`);
  return { refused: false, bytes };
}

/** Details that would make it larger than a payload may be are left out: no frame would hold its entry or its reply. */
export function refusal(code: string, message: string, details?: unknown): Reply {
  const short = message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX)}...` : message;
  const plain: ServiceError = { code: code.slice(0, CODE_LENGTH_MAX), message: short };
  const bytes = encodeValue(details === undefined ? plain : { ...plain, details });
  return { refused: true, bytes: bytes.length <= LIMITS.payloadSizeBytesMax ? bytes : encodeValue(plain) };
}

const UNREADABLE = "the handler threw something that cannot be read";

/** The reply to a handler that threw. What it threw is its own, as odd as it likes: reading that must not end the replica. */
export function replyToThrow(error: unknown): Reply {
  try {
    if (isServiceRefusal(error)) return refusal(error.code, textOf(error), sendable(error.details));
    if (isStateRefusal(error)) return refusal(error.code, textOf(error));
  } catch {
    return refusal("refused", UNREADABLE);
  }
  return refusal("refused", textOf(error));
}

/** Details that cannot be sent are left out rather than put in the place of the refusal. */
function sendable(details: unknown): unknown {
  try {
    return copyOut(details);
  } catch {
    return undefined;
  }
}

/** Never throws: a message may be missing (a class that declares the field anew), or no text, or a getter that throws. */
export function textOf(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  try {
    if (!(thrown instanceof Error)) return "the handler threw something that is no Error";
    const { message }: { readonly message: unknown } = thrown;
    return typeof message === "string" ? message : "the handler threw an Error without a message";
  } catch {
    return UNREADABLE;
  }
}

/** A refused operation has changed nothing. */
export function refusedOutcome(reply: Reply): OperationOutcome {
  return { reply, redo: NOTHING };
}
