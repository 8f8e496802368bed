import { checkFaithful } from "../../codec/faithful.js";
import { encodeValue } from "../../codec/value.js";
import { reasonOf } from "../../runtime/error-code.js";
import { CONSISTENCIES, type Consistency } from "../../vocabulary/message-client.js";
import type { CallOutcome } from "../core/effect.js";
import type { GroupClient } from "./group-client.js";
import { resultOf } from "./result.js";
import { TroupeError } from "./troupe-error.js";

export interface CallOptions {
  /** How long to wait for the answer, in milliseconds. Default: the client's. */
  readonly timeoutMs?: number;
}

export interface QueryOptions extends CallOptions {
  /**
   * `linearizable` (the default) sees everything that was answered before it was asked; `session` at least what this client has seen;
   * `any` what some replica has, which may be older.
   */
  readonly consistency?: Consistency;
}

export interface MethodDefaults {
  readonly timeoutMs: number;
  readonly consistency: Consistency;
}

type AnyMethod = ((input?: unknown) => Promise<unknown>) & { with(options: QueryOptions): (input?: unknown) => Promise<unknown> };

/** One async method a name. A plain object rather than a Proxy: what is not there is not there, and `await`ing the client itself is harmless. */
export function methodsOf(
  client: GroupClient,
  names: { readonly operations: readonly string[]; readonly queries: readonly string[] },
  defaults: MethodDefaults,
): Map<string, AnyMethod> {
  const methods = new Map<string, AnyMethod>();
  for (const name of names.operations)
    methods.set(
      name,
      methodOf((input, options) => client.operate(name, input, { timeoutMs: options.timeoutMs ?? defaults.timeoutMs })),
    );
  for (const name of names.queries)
    methods.set(
      name,
      methodOf((input, options) =>
        client.query(name, input, options.consistency ?? defaults.consistency, options.timeoutMs ?? defaults.timeoutMs),
      ),
    );
  return methods;
}

function methodOf(call: (input: Uint8Array, options: QueryOptions) => Promise<CallOutcome>): AnyMethod {
  const invoke = async (input: unknown, options: QueryOptions): Promise<unknown> => {
    checkOptions(options);
    const result = resultOf(await call(encodeInput(input), options));
    if (!result.ok) throw result.error;
    return result.value;
  };
  return Object.assign((input?: unknown) => invoke(input, {}), {
    with: (options: QueryOptions) => (input?: unknown) => invoke(input, options),
  });
}

/** What the compiler did not see would be sent, understood by nobody, and waited for in vain; a name that is misspelt would mean nothing. */
export function checkOptions(options: QueryOptions, names: readonly string[] = ["timeoutMs", "consistency"]): void {
  const unknown = Object.keys(options).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new TroupeError("bad-request", "not-executed", `There is no option ${unknown.join(", ")} here; there are ${names.join(", ")}.`);
  const { timeoutMs, consistency } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0))
    throw new TroupeError("bad-request", "not-executed", `timeoutMs has to be a number of milliseconds above 0, not ${timeoutMs}.`);
  if (consistency !== undefined && !CONSISTENCIES.includes(consistency))
    throw new TroupeError("bad-request", "not-executed", `The consistency "${consistency}" is none of ${CONSISTENCIES.join(", ")}.`);
}

function encodeInput(input: unknown): Uint8Array {
  // The codec lets these pass as something else.
  if (typeof input === "function" || typeof input === "symbol")
    throw new TroupeError("invalid-input", "not-executed", `The input is a ${typeof input}, which cannot be sent.`);
  try {
    checkFaithful(input, "the input");
    return encodeValue(input);
  } catch (error) {
    const reason = reasonOf(error);
    throw new TroupeError("invalid-input", "not-executed", `The input cannot be sent: ${reason}.`);
  }
}
