import { resolve } from "node:path";
import { reasonOf } from "../runtime/error-code.js";
import { DEFAULTS } from "../vocabulary/limit.js";
import type { Consistency } from "../vocabulary/message-client.js";
import type { View } from "../vocabulary/view.js";
import { type Discovery, discover, parseTroupeUrl, type TroupeUrl } from "./process/discovery.js";
import { createGroupClient, type GroupClient, type RecoveredCall } from "./process/group-client.js";
import { resultOf } from "./process/result.js";
import { openSessionFile, type SessionFile } from "./process/session-file.js";
import { TroupeError } from "./process/troupe-error.js";
import { checkOptions, methodsOf } from "./process/method.js";
import type { Client, ClientControls, Recovered } from "./typed-client.js";

export interface ConnectOptions {
  /** A file of this client alone: its open requests are written there before they are sent, and a restart with the same file finishes them exactly once. */
  readonly session?: { readonly file: string };
  /** How long a call may take before it fails with an unknown outcome. Default 10,000 ms. */
  readonly timeoutMs?: number;
  /** Of queries. Default `linearizable`. */
  readonly consistency?: Consistency;
}

const DISCOVERY_TIMEOUT_MS = 2_000;

/**
 * Finds the group at any of the addresses of `troupe://host:port[,host:port]/group` and returns its typed client; from then on it talks
 * to the servers themselves. Throws a `TroupeError` when no address answers, or the group is not there.
 */
export async function connect<Service>(url: string, options: ConnectOptions = {}): Promise<Client<Service>> {
  const parsed = parseTroupeUrl(url);
  checkConnectOptions(options);
  const found = await discover(parsed, DISCOVERY_TIMEOUT_MS);
  const watch = createWatch();
  const file = options.session === undefined ? null : await openFile(options.session.file, () => client, watch);
  const client = createClientOf(parsed, found, file, watch);
  client.learn(found.view, found.book);
  watch.expect(file?.saved?.requests.length ?? 0);
  const defaults = { timeoutMs: options.timeoutMs ?? DEFAULTS.requestTimeoutMs, consistency: options.consistency ?? "linearizable" };
  const controls: ClientControls = {
    close: () => end(client, watch),
    on: watch.on,
    recovered: watch.allRecovered,
  };
  // The names come from the running service, their types from `Service`: that both are the same service is the caller's word.
  const methods: object = Object.fromEntries(methodsOf(client, found, defaults));
  return Object.freeze(
    Object.assign(Object.create(null), { recovered: controls.recovered }, methods, { close: controls.close, on: controls.on }),
  ) as Client<Service>;
}

function checkConnectOptions(options: ConnectOptions): void {
  checkOptions(options, ["session", "timeoutMs", "consistency"]);
  const { session } = options;
  if (session !== undefined && (typeof session?.file !== "string" || session.file === "" || Object.keys(session).length > 1))
    throw new TroupeError("bad-request", "not-executed", "session has to be { file }, with the path of a file of this client alone.");
}

async function openFile(path: string, clientOf: () => GroupClient, watch: Watch): Promise<SessionFile> {
  return openSessionFile(resolve(path), {
    onSaved: (session, throughSequence) => clientOf().saved(session, throughSequence),
    // What cannot be written cannot be promised: nothing more is sent, and open calls fail.
    onError: (error) =>
      void end(clientOf(), watch, `The session file ${path} cannot be written (${error.message}), and the client was closed`),
  });
}

/** `reason`: a sentence without its end, where nobody asked for it. */
async function end(client: GroupClient, watch: Watch, reason?: string): Promise<void> {
  await client.close(reason);
  watch.end(reason ?? "The client was closed");
}

function createClientOf(url: TroupeUrl, found: Discovery, file: SessionFile | null, watch: Watch): GroupClient {
  let looks = 0;
  return createGroupClient({
    role: "client",
    clusterId: found.clusterId,
    group: found.group,
    discover: async () => {
      looks += 1;
      const again = await discover(url, DISCOVERY_TIMEOUT_MS, looks);
      if (again.clusterId === found.clusterId) return again;
      return "another system answers in its place (restored from a backup, or made anew?), with which a client has to connect anew";
    },
    ...(file === null ? {} : { sessionFile: file }),
    onView: watch.onView,
    onRecovered: watch.onRecovered,
    onBroken: (error) => watch.end(`The client has met a bug of its own and ended (${reasonOf(error)})`),
  });
}

interface Watch {
  readonly on: ClientControls["on"];
  readonly onView: (view: View) => void;
  readonly onRecovered: (call: RecoveredCall) => void;
  readonly allRecovered: Promise<readonly Recovered[]>;
  expect(count: number): void;
  /** Nothing more will be heard. `reason`: a sentence without its end. */
  end(reason: string): void;
}

/** Who listens to what; late listeners hear what came before them. */
function createWatch(): Watch {
  const viewListeners = new Set<(view: View) => void>();
  const recoveredListeners = new Set<(recovered: Recovered) => void>();
  const recovered: Recovered[] = [];
  let view: View | null = null;
  let expected = Number.POSITIVE_INFINITY;
  let finish: (all: readonly Recovered[]) => void = () => {};
  let fail: (error: TroupeError) => void = () => {};
  const allRecovered = new Promise<readonly Recovered[]>((resolvePromise, rejectPromise) => {
    finish = resolvePromise;
    fail = rejectPromise;
  });
  // Not every program asks for it.
  allRecovered.catch(() => {});
  const finishWhenComplete = () => {
    if (recovered.length >= expected) finish(recovered);
  };

  const on: ClientControls["on"] = (event: "view" | "recovered", listener: (value: never) => void) => {
    if (event === "view") {
      const onViewOf = listener as (view: View) => void;
      viewListeners.add(onViewOf);
      if (view !== null) onViewOf(view);
      return () => viewListeners.delete(onViewOf);
    }
    const onEnd = listener as (recovered: Recovered) => void;
    recoveredListeners.add(onEnd);
    for (const each of recovered) onEnd(each);
    return () => recoveredListeners.delete(onEnd);
  };

  return {
    on,
    onView(next) {
      view = next;
      tell(viewListeners, next);
    },
    onRecovered(call) {
      const result = resultOf(call.outcome);
      const { operation, sequence } = call;
      const ended: Recovered = result.ok ? { operation, sequence, result: result.value } : { operation, sequence, error: result.error };
      recovered.push(ended);
      tell(recoveredListeners, ended);
      finishWhenComplete();
    },
    allRecovered,
    expect(count) {
      expected = count;
      finishWhenComplete();
    },
    end(reason) {
      const left = expected - recovered.length;
      const text = `${reason} before ${left} of ${expected} requests of its earlier life had ended. They stay in its session file: connect with it again, and they end then.`;
      fail(new TroupeError("timeout", "unknown", text));
    },
  };
}

/** What a listener throws is for whoever wrote it, as an uncaught exception; the client and its open calls have nothing to do with it. */
function tell<Value>(listeners: ReadonlySet<(value: Value) => void>, value: Value): void {
  for (const listener of listeners) {
    try {
      listener(value);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
