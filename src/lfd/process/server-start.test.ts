import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recordedProcesses, recordProcess } from "../../runtime/child.js";
import { loggedNames, logPath, olderLogPath } from "../../runtime/log-file.js";
import { replicaId } from "../../vocabulary/ids.js";
import { hasServer, setAsideFolder } from "./server-start.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "troupe-set-aside-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** All that a replica that has run leaves in the folder of its host. */
function leave(name: string): void {
  mkdirSync(join(dir, "replicas", name, "data"), { recursive: true });
  mkdirSync(join(dir, "logs"), { recursive: true });
  for (const path of [join(dir, "replicas", `${name}.spec.json`), logPath(dir, name), olderLogPath(logPath(dir, name))])
    writeFileSync(path, "{}");
  recordProcess(dir, { name, pid: 2 ** 22 + 1, startTime: 1 });
}

const kept = (): string[] => readdirSync(join(dir, "replicas", "set-aside")).sort();

test("of a group that shrinks every day, the data of the last replicas that left is kept, and nothing of those before", () => {
  const names = Array.from({ length: 10 }, (_, day) => `bank-${day + 3}`);
  for (const other of ["bank-1", "bank-2-5"]) leave(other);
  for (const [day, name] of names.entries()) {
    leave(name);
    expect(setAsideFolder(dir, replicaId(name), `${100 + day}`)).toBeNull();
  }
  expect(kept()).toEqual(["bank-10.107", "bank-11.108", "bank-12.109"]);
  const left = ["bank-1", "bank-10", "bank-11", "bank-12", "bank-2-5"];
  expect(loggedNames(dir)).toEqual(left);
  expect(names.filter((name) => hasServer(dir, name))).toEqual(["bank-10", "bank-11", "bank-12"]);
  expect(
    recordedProcesses(dir)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(left);
  expect(existsSync(olderLogPath(logPath(dir, "bank-9")))).toBe(false);
});

test("with the wall clock set back, what is set aside now is kept all the same", () => {
  for (const [number, label] of [200, 201, 202, 150].entries()) {
    leave(`bank-${number}`);
    expect(setAsideFolder(dir, replicaId(`bank-${number}`), `${label}`)).toBeNull();
  }
  expect(kept()).toEqual(["bank-1.201", "bank-2.202", "bank-3.150"]);
});

test("another group has its own, and a replica whose folder is not there leaves nothing behind", () => {
  leave("bank-1");
  leave("bank-2-1");
  for (const [at, name] of ["bank-1", "bank-2-1"].entries()) expect(setAsideFolder(dir, replicaId(name), `${at}`)).toBeNull();
  for (let number = 2; number < 6; number += 1) {
    leave(`bank-${number}`);
    setAsideFolder(dir, replicaId(`bank-${number}`), `${number}`);
  }
  expect(kept()).toEqual(["bank-2-1.1", "bank-3.3", "bank-4.4", "bank-5.5"]);
  expect(setAsideFolder(dir, replicaId("bank-9"), "9")).toBeNull();
});
