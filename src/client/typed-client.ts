import type { OperationsOf, QueriesOf } from "../service/define-service.js";
import type { View } from "../vocabulary/view.js";
import type { CallOptions, QueryOptions } from "./process/method.js";
import type { TroupeError } from "./process/troupe-error.js";

/** An operation or query as the client sees it: the handler without its state, asynchronous. `with` gives the same method with options. */
export type Method<Call, Options> = Remote<Call> & {
  with(options: Options): Remote<Call>;
};

type Remote<Call> = Call extends (...input: infer Input) => infer Result ? (...input: Input) => Promise<Result> : never;

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
  /** Of a client with a session file: all that an earlier life left open, once each has ended exactly once. Empty without one. Rejects, outcome unknown, when the client ends before. */
  readonly recovered: Promise<readonly Recovered[]>;
}

export type Client<Service> = {
  readonly [Name in keyof OperationsOf<Service>]: Method<OperationsOf<Service>[Name], CallOptions>;
} & {
  readonly [Name in keyof QueriesOf<Service>]: Method<QueriesOf<Service>[Name], QueryOptions>;
} & ClientControls;
