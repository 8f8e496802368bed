import type { Epoch } from "../../vocabulary/epoch.js";
import {
  bootId,
  type ClusterId,
  clusterId,
  type GroupName,
  groupName,
  hostId,
  incarnation,
  isId,
  isName,
  replicaId,
} from "../../vocabulary/ids.js";
import { LIMITS } from "../../vocabulary/limit.js";
import { DURABILITIES, STYLES } from "../../vocabulary/style.js";
import { type AddressBook, type AddressEntry, checkView, type Member, type View } from "../../vocabulary/view.js";
import { TroupeError } from "./troupe-error.js";

/** What `GET /v1/groups/{group}/members` says. */
export interface Discovery {
  readonly clusterId: ClusterId;
  readonly group: GroupName;
  readonly view: View | null;
  readonly book: AddressBook;
  readonly operations: readonly string[];
  readonly queries: readonly string[];
}

export interface TroupeUrl {
  readonly hosts: readonly string[];
  readonly group: GroupName;
}

/** `troupe://host:port[,host:port]/group`. Throws a `TroupeError` in words. */
export function parseTroupeUrl(text: string): TroupeUrl {
  const match = /^troupe:\/\/([^/?#]+)\/([^/?#]+)\/?$/.exec(text);
  const hosts = (match?.[1] ?? "").split(",").filter((host) => host !== "");
  const group = match?.[2] ?? "";
  const wrong = hosts.find((host) => !/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(host));
  if (match === null || hosts.length === 0 || wrong !== undefined || !isName(group))
    throw new TroupeError(
      "bad-request",
      "not-executed",
      `"${text}" is no address of a group. It looks like troupe://127.0.0.1:7400/counter.`,
    );
  return { hosts, group: groupName(group) };
}

/**
 * Asks each host in turn, from the one at `first` on (counted round and round); the first good answer wins. Throws the last failure in words.
 * Who asks again begins elsewhere each time: a gateway that is cut off from the others goes on answering, with what was true before.
 */
export async function discover(url: TroupeUrl, timeoutMs: number, first = 0): Promise<Discovery> {
  let last = new TroupeError("unavailable", "not-executed", "No host was named.");
  let unknown: TroupeError | null = null;
  const at = first % Math.max(1, url.hosts.length);
  for (const host of [...url.hosts.slice(at), ...url.hosts.slice(0, at)]) {
    try {
      return await askHost(host, url.group, timeoutMs);
    } catch (error) {
      if (error instanceof TroupeError) {
        // Another system may have the address by now; the group is at the next one.
        unknown = error;
        continue;
      }
      const reason = error instanceof Error ? causeOf(error) : String(error);
      last = new TroupeError(
        "unavailable",
        "not-executed",
        `The group ${url.group} could not be found at ${host}: ${reason}. Is \`troupe up\` running there?`,
      );
    }
  }
  throw unknown ?? last;
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

async function askHost(host: string, group: GroupName, timeoutMs: number): Promise<Discovery> {
  const response = await fetch(`http://${host}/v1/groups/${group}/members`, { signal: AbortSignal.timeout(timeoutMs), redirect: "error" });
  if (!response.ok) {
    const { code, message } = failureIn(await response.json().catch(() => null));
    if (code === "unknown-group") throw new TroupeError("unknown-group", "not-executed", `There is no group ${group} at ${host}.`);
    throw new Error(typeof message === "string" ? message.replace(/\.$/, "") : `status ${response.status}`);
  }
  const found = readDiscovery(await response.json());
  if (found === null || found.group !== group) throw new Error("its answer is no list of members; another version, or another program");
  return found;
}

/** What a gateway says of a failure. Any other program answers 404 as well. */
function failureIn(answer: unknown): { readonly code?: unknown; readonly message?: unknown } {
  return isObject(answer) && isObject(answer.error) ? answer.error : {};
}

/** Checks what came over the network field by field; null when anything is amiss. */
export function readDiscovery(value: unknown): Discovery | null {
  if (!isObject(value)) return null;
  const { clusterId: id, group, operations, queries } = value;
  const view = value.view === null ? null : readView(value.view);
  const book = readBook(value.book);
  if (typeof id !== "string" || !isId(id) || typeof group !== "string" || !isName(group)) return null;
  if (view === undefined || book === undefined || !isNames(operations) || !isNames(queries)) return null;
  return { clusterId: clusterId(id), group: groupName(group), view, book, operations, queries };
}

function readView(value: unknown): View | undefined {
  if (!isObject(value) || !isEpoch(value.epoch) || !Array.isArray(value.members) || value.members.length > LIMITS.replicasMax)
    return undefined;
  const { group, generation, epoch, leader, quorum } = value;
  const style = STYLES.find((each) => each === value.style);
  const durability = DURABILITIES.find((each) => each === value.durability);
  const members = value.members.map(readMember);
  if (typeof group !== "string" || !isCount(generation) || typeof leader !== "string" || !isCount(quorum)) return undefined;
  if (style === undefined || durability === undefined || !members.every((member) => member !== undefined)) return undefined;
  const view: View = { group: groupName(group), generation, epoch, members, leader: replicaId(leader), style, quorum, durability };
  return checkView(view) === null ? view : undefined;
}

function readMember(value: unknown): Member | undefined {
  if (!isObject(value) || typeof value.replica !== "string" || typeof value.incarnation !== "string") return undefined;
  return { replica: replicaId(value.replica), incarnation: incarnation(value.incarnation) };
}

function readBook(value: unknown): AddressBook | undefined {
  if (!isObject(value) || !isEpoch(value.version) || !Array.isArray(value.entries) || value.entries.length > 4 * LIMITS.replicasMax)
    return undefined;
  const entries = value.entries.map(readEntry);
  return entries.every((entry) => entry !== undefined) ? { version: value.version, entries } : undefined;
}

function readEntry(value: unknown): AddressEntry | undefined {
  if (!isObject(value) || !isObject(value.address)) return undefined;
  const { replica, hostId: host, bootId: boot } = value;
  const { host: name, port } = value.address;
  if (typeof replica !== "string" || typeof host !== "string" || typeof boot !== "string" || typeof name !== "string") return undefined;
  if (!isCount(port) || port > 65_535) return undefined;
  return { replica: replicaId(replica), hostId: hostId(host), bootId: bootId(boot), address: { host: name, port } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isEpoch(value: unknown): value is Epoch {
  return Array.isArray(value) && value.length === 2 && value.every(isCount);
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= 10_000 && value.every((name) => typeof name === "string");
}
