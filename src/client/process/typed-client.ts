import { encodeValue } from "../../codec/value.js";
import type { OperationsOf, QueriesOf } from "../../service/define-service.js";
import type { Consistency } from "../../vocabulary/message-client.js";
import type { View } from "../../vocabulary/view.js";
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

/** An operation or query as the client sees it: the handler without its state, asynchronous. `with` gives the same method with options. */
export type Method<Handler, Options> = Remote<Handler> & {
  with(options: Options): Remote<Handler>;
};

type Remote<Handler> = Handler extends (...args: infer Args) => infer Result ? (...args: InputOf<Args>) => Promise<Awaited<Result>> : never;

/** Handlers take the state, then at most one input, then the context. */
type InputOf<Args extends readonly unknown[]> = Args extends [unknown, infer Input, ...unknown[]]
  ? [input: Input]
  : Args extends [unknown, (infer Input)?, ...unknown[]]
    ? Args["length"] extends 0 | 1
      ? []
      : [input?: Input]
    : [];

export interface Recovered {
  readonly operation: string;
  readonly sequence: number;
  /** How a request of this client's earlier life ended: with its result, or with the error. */
  readonly result?: unknown;
  readonly error?: TroupeError;
}

export interface ClientControls {
  /** Ends the connections. Calls that are open fail; with a session file they stay in it, and the next life of the client finishes them. */
  close(): Promise<void>;
  /** `view`: each new view of the group, at once with the current one. `recovered`: each request of an earlier life that has ended, also those before. Returns a function that stops it. */
  on(event: "view", listener: (view: View) => void): () => void;
  on(event: "recovered", listener: (recovered: Recovered) => void): () => void;
  /** Of a client with a session file: all that an earlier life left open, once each has ended exactly once. Empty without one. */
  readonly recovered: Promise<readonly Recovered[]>;
}

export type Client<Service> = {
  readonly [Name in keyof OperationsOf<Service>]: Method<OperationsOf<Service>[Name], CallOptions>;
} & {
  readonly [Name in keyof QueriesOf<Service>]: Method<QueriesOf<Service>[Name], QueryOptions>;
} & ClientControls;

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
    const result = resultOf(await call(encodeInput(input), options));
    if (!result.ok) throw result.error;
    return result.value;
  };
  return Object.assign((input?: unknown) => invoke(input, {}), {
    with: (options: QueryOptions) => (input?: unknown) => invoke(input, options),
  });
}

function encodeInput(input: unknown): Uint8Array {
  try {
    return encodeValue(input);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TroupeError("invalid-input", "not-executed", `The input cannot be sent: ${reason}.`);
  }
}
