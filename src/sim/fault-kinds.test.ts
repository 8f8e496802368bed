import { describe, expect, test } from "vitest";
import { hostId } from "../vocabulary/ids.js";
import { createSimDisk, submitToDisk } from "./disk.js";
import { faultKinds } from "./fault-kinds.js";
import { run } from "./scene.test-harness.js";
import { drawPlan } from "./swarm.js";
import { addHost, createWorld, startProcess } from "./world.js";

function kindsOf(...marks: string[]): string[] {
  return faultKinds(new Map(marks.map((name) => [name, 1])));
}

describe("a kind of fault", () => {
  test("is one that struck, and no order by hand", () => {
    expect(kindsOf("fault-kill-server", "fault-change", "fault-change-many", "fault-hand-over", "view-written")).toEqual(["kill-server"]);
  });

  test.for([
    ["disk-errors", "disk-error-sync"],
    ["disk-full", "disk-full"],
    ["disk-slow", "disk-slowed"],
    ["disk-hang", "disk-held"],
    ["slow-link", "link-slowed"],
    ["entry-damaged", "entry-damaged"],
    ["slow-process", "process-slowed"],
    ["deadly-request", "died-at-request"],
    ["kill-between-effects", "server-dies-between-effects"],
    ["rm-between-effects", "rm-dies-between-effects"],
    ["core-dies-mid-turn", "gfd-dies-between-effects"],
    ["pause-in-a-turn", "client-stops-between-effects"],
  ] as const)("%s counts when it has taken effect", ([kind, effect]) => {
    expect(kindsOf(`fault-${kind}`)).toEqual([]);
    expect(kindsOf(`fault-${kind}`, effect)).toEqual([kind]);
  });
});

test("a disk that is slow or hangs has been so when it is asked", () => {
  const world = createWorld(1, drawPlan(1).settings, null);
  const process = startProcess(world, addHost(world, hostId("a")), "p", null);
  const disk = createSimDisk();
  const ask = (): void => {
    submitToDisk(world, process, disk, { kind: "create", ticket: 1, path: "segment-1", sizeBytes: 0 }, () => {});
    run(world, 10_000);
  };
  ask();
  expect([...world.marks.keys()]).toEqual([]);
  disk.faults.slowness = 10;
  disk.faults.hangs = true;
  expect([...world.marks.keys()]).toEqual([]);
  ask();
  expect([...world.marks.keys()].sort()).toEqual(["disk-held", "disk-slowed"]);
});
