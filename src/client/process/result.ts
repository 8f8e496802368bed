import { tryDecodeValue } from "../../codec/value.js";
import { ERRORS, isErrorCode } from "../../vocabulary/error.js";
import type { Reply } from "../../vocabulary/session.js";
import type { CallOutcome } from "../core/effect.js";
import { TroupeError } from "./troupe-error.js";

/** The decoded result of a call, or its `TroupeError`. */
export function resultOf(outcome: CallOutcome): { ok: true; value: unknown } | { ok: false; error: TroupeError } {
  if (outcome.kind === "failed") return { ok: false, error: new TroupeError(outcome.code, outcome.outcome, outcome.message) };
  if (outcome.kind === "session-opened") return { ok: true, value: outcome.session };
  return replyResult(outcome.reply);
}

function replyResult(reply: Reply): { ok: true; value: unknown } | { ok: false; error: TroupeError } {
  const decoded = tryDecodeValue(reply.bytes);
  if (!reply.refused && decoded.ok) return decoded;
  if (!decoded.ok) {
    const message = `The reply could not be read (${decoded.reason}): client and servers may be of different versions.`;
    return { ok: false, error: new TroupeError("bad-reply", "unknown", message) };
  }
  return { ok: false, error: refusalOf(decoded.value) };
}

/** A refusal's code is the service's own, or one of ours (`handler-timeout`, `poison`, `invalid-input`) whose outcome the table says. */
function refusalOf(value: unknown): TroupeError {
  const field = (name: string): unknown =>
    typeof value === "object" && value !== null && name in value ? Reflect.get(value, name) : undefined;
  const code = field("code");
  const message = field("message");
  const text = typeof message === "string" ? message : "The service refused the operation.";
  if (typeof code !== "string" || code === "") return new TroupeError("refused", "refused", text, field("details"));
  // The service's own code may look like one of ours: a reply was executed, whatever it is called.
  const outcome = isErrorCode(code) && code === "invalid-input" ? ERRORS[code].outcome : "refused";
  return new TroupeError(code, outcome, text, field("details"));
}
