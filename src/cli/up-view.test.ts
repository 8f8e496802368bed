import { expect, it } from "vitest";
import { IMAGE } from "../gateway/http/stand-in.test-kit.js";
import type { MemberStatus, TroupeEvent } from "../vocabulary/admin.js";
import { bootId, hostId, incarnation, replicaId } from "../vocabulary/ids.js";
import type { Status } from "./gateway-api.js";
import { statusText } from "./status.js";
import { cut, throughputOf, viewLines } from "./up-view.js";

function member(number: number, executedCount: number, pid = 100 + number): MemberStatus {
  return {
    replica: replicaId(`counter-${number}`),
    incarnation: incarnation("i"),
    bootId: bootId("b"),
    host: hostId("h"),
    pid,
    role: number === 1 ? "leader" : "follower",
    verdict: "alive",
    paused: number === 2,
    persistedIndex: 3,
    commitIndex: 2,
    appliedIndex: 1,
    executedCount,
    transfer: null,
  };
}

function statusOf(executed: number, pid?: number): Status {
  const groups = IMAGE.groups.map((group) => ({
    ...group,
    leader: replicaId("counter-1"),
    members: [member(1, executed, pid), member(2, 0)],
  }));
  return { ...IMAGE, stale: false, groups };
}

it("the view shows members, roles, epoch, throughput and the last failovers with their parts", () => {
  const failover: TroupeEvent = {
    id: 1,
    atMs: 0,
    kind: "failover",
    text: "counter-1 took over",
    data: { detectMs: 0.804, sealMs: 1.2, totalMs: 2.04 },
  };
  const text = viewLines({
    url: "http://u",
    status: statusOf(5),
    throughput: new Map([["counter", 12.4]]),
    load: "busy",
    events: [failover],
  }).join("\n");
  for (const part of ["epoch 1.2", "12 requests/s", "counter-1", "leader", "paused", "load: busy", "after 2.0 ms: detect 0.8, seal 1.2"])
    expect(text).toContain(part);
});

it("the view says when the gateway or the Replication Manager is away", () => {
  const base = { url: "http://u", throughput: new Map<string, number>(), load: null, events: [] };
  expect(viewLines({ ...base, status: null }).join("\n")).toContain("does not answer");
  expect(viewLines({ ...base, status: { ...statusOf(1), stale: true } }).join("\n")).toContain("last word");
});

it("throughput is what the leader has executed between two looks, and nothing across its death", () => {
  expect(throughputOf(statusOf(100), statusOf(150), 500).get("counter")).toBe(100);
  expect(throughputOf(statusOf(100), statusOf(10, 999), 500).has("counter")).toBe(false);
  expect(throughputOf(null, statusOf(10), 500).size).toBe(0);
});

it("lines are cut to the width of the terminal, colours apart", () => {
  expect(cut("\u001b[1mabc\u001b[22mdef", 4)).toBe("\u001b[1mabc\u001b[22md");
});

it("status is a table of what is wanted and what is so", () => {
  const text = statusText(statusOf(5));
  for (const part of ["group counter: serving", "3 replicas wanted", "counter-2", "alive, paused", "3/2/1"]) expect(text).toContain(part);
});
