import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readDiscovery } from "../../client/process/discovery.js";
import type { ClusterId, GroupName } from "../../vocabulary/ids.js";
import type { AddressBook, View } from "../../vocabulary/view.js";

/** Where a group was seen last. */
export interface KnownMembers {
  readonly view: View | null;
  readonly book: AddressBook;
}

/**
 * What a gateway that starts while the Replication Manager is away stands on: where the members were. A guess that costs nothing when it
 * is old, since whichever member answers tells the truth.
 */
export function writeMembers(dir: string, clusterId: ClusterId, group: GroupName, { view, book }: KnownMembers): void {
  const path = pathOf(dir, group);
  try {
    writeFileSync(`${path}.new`, JSON.stringify({ clusterId, group, view, book, operations: [], queries: [] }), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    // Only a convenience for the next start: a full disk must not end a gateway that serves.
  }
}

export function readMembers(dir: string, clusterId: ClusterId, group: GroupName): KnownMembers | null {
  try {
    const found = readDiscovery(JSON.parse(readFileSync(pathOf(dir, group), "utf8")));
    return found !== null && found.clusterId === clusterId && found.group === group ? found : null;
  } catch {
    return null;
  }
}

function pathOf(dir: string, group: GroupName): string {
  return join(dir, "run", `members-${group}.json`);
}
