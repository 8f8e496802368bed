import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultRunConfig, writeRunConfig } from "../../config/run-config.js";
import { SPEC } from "../../rm/core/fake-server.test-harness.js";
import { bootId, clusterId, hostId, incarnation, replicaId } from "../../vocabulary/ids.js";
import { ownReplica } from "./own-replica.js";

const SYSTEM = clusterId("c".repeat(32));
let systemDir: string;

beforeEach(() => {
  systemDir = mkdtempSync(join(tmpdir(), "troupe-own-replica-"));
});

afterEach(() => rmSync(systemDir, { recursive: true, force: true }));

test("what is remembered, and for how long, is what the system was started with", () => {
  const remembering = { sessionExpiryMs: 3_000, keyExpiryMs: 40_000, keysMax: 5 };
  writeRunConfig(systemDir, { ...defaultRunConfig(SYSTEM, SPEC), ...remembering });
  const launch = {
    spec: SPEC,
    replica: replicaId("bank-1"),
    hostId: hostId("host-1"),
    clusterId: SYSTEM,
    lfdAddressFile: "lfd.json",
    systemDir,
  };
  const { timings, bounds } = ownReplica(launch, incarnation("i".repeat(32)), bootId("b".repeat(32)));
  expect({ ...timings, ...bounds }).toMatchObject(remembering);
});
