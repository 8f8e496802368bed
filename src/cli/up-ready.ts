import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readAddress } from "../runtime/address-file.js";
import { ask, field, hostInUrl, readStatus } from "./gateway-api.js";
import { DEFAULTS } from "../vocabulary/limit.js";
import { readEvents } from "./event-stream.js";
import { EXIT, Failure, shellWord } from "./output.js";

export interface ReadyOptions {
  readonly dir: string;
  readonly group: string;
  readonly host: string;
  readonly gatewayPid: () => number | null;
  readonly gaveUp: () => string | null;
}

const LOOK_AGAIN_MS = 25;
const TELL_EVERY_MS = 5_000;
const EVENTS_SILENCE_MS = 500;

/** Waits until the group does what a client needs: a session is opened, through gateway, leader and a quorum. Throws when a component gives up. */
export async function waitUntilReady(options: ReadyOptions): Promise<{ url: string }> {
  let tellAtMs = performance.now() + TELL_EVERY_MS;
  for (;;) {
    const why = options.gaveUp();
    if (why !== null) throw new Failure(EXIT.failed, why);
    const record = readAddress(options.dir, "gateway");
    // The address of an earlier life is no address.
    const isListening = record !== null && record.pid === options.gatewayPid();
    if (isListening && (await answers(options))) return { url: `http://${hostInUrl(options.host)}:${record.port}` };
    if (performance.now() >= tellAtMs) {
      tellAtMs += TELL_EVERY_MS;
      process.stderr.write(`${await whatIsMissing(options, isListening)}\n`);
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

async function answers({ dir, group }: ReadyOptions): Promise<boolean> {
  try {
    const opened = await ask({ dir }, "POST", `/v1/groups/${group}/sessions`, undefined, { "troupe-timeout-ms": "2000" });
    return opened.status === 200 && typeof field(opened.body, "session") === "string";
  } catch {
    return false;
  }
}

async function whatIsMissing({ dir, group }: ReadyOptions, isListening: boolean): Promise<string> {
  const at = dir === resolve(DEFAULTS.dir) ? "" : ` --dir ${shellWord(dir)}`;
  const logsOf = (name: string) => `see \`${`troupe logs ${name}`.trim()}${at}\``;
  if (!isListening) return `up: the gateway has not started yet; ${logsOf("gateway")}`;
  try {
    const found = (await readStatus({ dir })).groups.find((each) => each.group === group);
    const waits = `up: ${group} does not answer yet: ${found?.waiting ?? "no view is active"}`;
    const dying = await replicaThatDies(dir).catch(() => null);
    return dying === null ? `${waits}; ${logsOf("")}` : `${waits}; ${dying} dies right after each start: ${logsOf(dying)}`;
  } catch {
    return `up: the gateway does not answer yet; ${logsOf("gateway")}`;
  }
}

/** Since this process began: what happened before is told too. */
async function replicaThatDies(dir: string): Promise<string | null> {
  const sinceMs = Date.now() - performance.now();
  let replica: string | null = null;
  for await (const event of readEvents({ dir }, 0, EVENTS_SILENCE_MS))
    if (event.kind === "crash-loop" && event.atMs >= sinceMs) replica = event.replica ?? replica;
  return replica;
}
