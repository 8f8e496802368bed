import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { IMAGE } from "../gateway/http/stand-in.test-kit.js";
import type { MemberStatus, TroupeEvent } from "../vocabulary/admin.js";
import { bootId, hostId, incarnation, replicaId } from "../vocabulary/ids.js";
import type { Status } from "./gateway-api.js";
import { statusText } from "./status.js";
import { cut, throughputOf, type ViewSize, viewLines, wrap } from "./up-view.js";

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

const LARGE: ViewSize = { columns: 200, rows: 50 };

it("the view shows members, roles, epoch, throughput and the last failovers with their parts", () => {
  const failover: TroupeEvent = {
    id: 1,
    atMs: 0,
    kind: "failover",
    text: "counter-1 took over",
    data: { detectMs: 0.804, sealMs: 1.2, totalMs: 2.04 },
  };
  const text = viewLines(
    {
      url: "http://u",
      status: statusOf(5),
      throughput: new Map([["counter", 12.4]]),
      load: "busy",
      events: [failover],
    },
    LARGE,
  ).join("\n");
  for (const part of ["epoch 1.2", "12 requests/s", "counter-1", "leader", "paused", "load: busy", "after 2.0 ms: detect 0.8, seal 1.2"])
    expect(text).toContain(part);
});

it("the view says when the gateway or the Replication Manager is away", () => {
  const base = { url: "http://u", throughput: new Map<string, number>(), load: null, events: [] };
  expect(viewLines({ ...base, status: null }, LARGE).join("\n")).toContain("does not answer");
  expect(viewLines({ ...base, status: { ...statusOf(1), stale: true } }, LARGE).join("\n")).toContain("last word");
});

const happened = (id: number): TroupeEvent => ({ id, atMs: 0, kind: id % 10 === 0 ? "failover" : "suspected", text: `event ${id}` });

it.each([8, 13, 22, 48])("with %i rows the view has no more, and ends with what happened last", (rows) => {
  const events = Array.from({ length: 60 }, (_, at) => happened(at + 1));
  const lines = viewLines({ url: "http://u", status: statusOf(5), throughput: new Map(), load: "busy", events }, { columns: 80, rows });
  expect(lines.length).toBeLessThanOrEqual(rows);
  expect(lines.at(-1)).toMatch(rows < 9 ? /events$/ : /event 60$/);
});

it("why a group does not serve is said to its end, in a narrow terminal too", () => {
  const waiting = "waits for counter-1 (it has not come back since 12:00, see its log) and counter-3 (its data is damaged)";
  const status = { ...statusOf(5), groups: statusOf(5).groups.map((group) => ({ ...group, serving: false, waiting })) };
  const lines = viewLines({ url: "http://u", status, throughput: new Map(), load: null, events: [] }, { columns: 40, rows: 20 });
  // The runner of CI has colours.
  const text = lines.map((line) => stripVTControlCharacters(cut(line, 40)).trim()).join(" ");
  expect(text).toContain("counter  not serving,");
  expect(text).toContain(waiting);
});

it("text is wrapped at spaces, and a long word where the line ends", () => {
  expect(wrap("one two three", 8)).toEqual(["one two", "three"]);
  expect(wrap("abcdefghij k", 4)).toEqual(["abcd", "efgh", "ij k"]);
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
  const { lfd } = statusOf(5).detectors;
  expect(text).toContain(
    `lfd: heartbeats each ${lfd.effective.heartbeatIntervalMs} ms, suspects after ${lfd.effective.suspicionTimeoutMs} ms\n`,
  );
  const changing = { wanted: { ...lfd.wanted, suspicionTimeoutMs: 77_777 }, effective: lfd.effective };
  expect(statusText({ ...statusOf(5), detectors: { ...statusOf(5).detectors, lfd: changing } })).toMatch(
    /lfd: .*\(changing to .* 77777 ms\)/,
  );
});
