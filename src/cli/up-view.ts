import colours from "picocolors";
import type { TroupeEvent } from "../vocabulary/admin.js";
import { epochText } from "../vocabulary/epoch.js";
import { eventText, timeText } from "./event-stream.js";
import type { Status } from "./gateway-api.js";
import { table } from "./output.js";

/** Everything that the live view of `troupe up` shows. */
export interface ViewModel {
  readonly url: string;
  readonly status: Status | null;
  /** Requests executed in the last second, by group. */
  readonly throughput: ReadonlyMap<string, number>;
  readonly load: string | null;
  /** Oldest first. */
  readonly events: readonly TroupeEvent[];
}

/** What a terminal has room for. */
export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
}

const FAILOVERS_SHOWN = 3;
/** A low terminal shows the last of what happens rather than old failovers. */
const EVENTS_KEPT_IN_VIEW = 3;
const HEADING_ROWS = 2;

/** The lines of the view; pure, so that it is tested without a terminal. */
export function viewLines(model: ViewModel, { columns, rows }: ViewSize): string[] {
  const top = topLines(model, columns);
  if (model.status === null) return top;
  const room = Math.max(0, rows - top.length - HEADING_ROWS);
  const failoverRoom = Math.min(FAILOVERS_SHOWN, room - EVENTS_KEPT_IN_VIEW - HEADING_ROWS);
  const failovers = failoverRoom <= 0 ? [] : model.events.filter((event) => event.kind === "failover").slice(-failoverRoom);
  const failoverLines = failovers.length === 0 ? [] : ["", "last failovers", ...failovers.map(failoverLine)];
  const eventRoom = room - failoverLines.length;
  const events = eventRoom <= 0 ? [] : model.events.slice(-eventRoom);
  return [...top, ...failoverLines, "", "events", ...events.map((event) => `  ${eventText(event)}`)];
}

function topLines(model: ViewModel, columns: number): string[] {
  const { status } = model;
  const head = `${colours.bold("troupe")}  ${model.url}`;
  if (status === null) return [head, "  the gateway does not answer; it is being restarted"];
  const stale = status.stale ? [colours.yellow("  the Replication Manager does not answer; this is its last word")] : [];
  const load = model.load === null ? [] : wrap(`load: ${model.load}`, columns - 2).map((line) => `  ${line}`);
  return [
    head,
    ...stale,
    ...status.groups.flatMap((group) => groupLines(group, model.throughput.get(group.group) ?? 0, columns)),
    ...load,
    `  ${status.components.map((each) => `${each.component} ${each.pid}${each.verdict === "alive" ? "" : ` ${colours.yellow(each.verdict)}`}`).join("  ")}`,
  ];
}

const PARTS = ["detect", "decide", "seal", "lead", "write", "activate"] as const;

/** One line that fits: who, how long, and which part took how much of it. */
function failoverLine(event: TroupeEvent): string {
  const data = event.data ?? {};
  const parts = PARTS.flatMap((part) => {
    const ms = data[`${part}Ms`];
    return typeof ms === "number" && ms >= 0 ? [`${part} ${ms.toFixed(1)}`] : [];
  });
  const total = typeof data.totalMs === "number" ? ` after ${data.totalMs.toFixed(1)} ms` : "";
  return `  ${timeText(event.atMs)}  ${event.replica ?? event.group ?? ""}${total}: ${parts.join(", ")}`;
}

function groupLines(group: Status["groups"][number], throughput: number, columns: number): string[] {
  const state = group.serving ? colours.green("serving") : colours.red("not serving");
  // Why not is the one thing to read then: it is not cut.
  const why = group.serving || group.waiting === null ? [] : wrap(group.waiting, columns - 2).map((line) => `  ${colours.red(line)}`);
  const style = group.style === group.styleWanted ? group.style : `${group.style} -> ${group.styleWanted}`;
  const rows = group.members.map((member) => [
    `  ${member.replica}`,
    member.role,
    member.paused ? "paused" : member.verdict,
    member.pid === null ? "-" : `pid ${member.pid}`,
    `commit ${member.commitIndex}`,
    ...(member.cold === undefined ? [] : [member.cold.stage]),
  ]);
  return [
    `${colours.bold(group.group)}  ${state}, ${style}, ${group.durability}, epoch ${epochText(group.epoch)}, ${Math.round(throughput)} requests/s`,
    ...why,
    ...(rows.length === 0 ? [] : table(rows).split("\n")),
  ];
}

export interface Screen {
  size(): ViewSize;
  draw(lines: readonly string[]): void;
}

/** Draws lines over the ones that it drew before. The last row is the cursor's. */
export function createScreen(out: NodeJS.WriteStream): Screen {
  let drawn = 0;
  const size = (): ViewSize => ({ columns: out.columns || 80, rows: (out.rows || 24) - 1 });
  return {
    size,
    draw(lines) {
      const { columns, rows } = size();
      const shown = lines.slice(0, rows).map((line) => cut(line, columns));
      const up = drawn === 0 ? "" : `\u001b[${drawn}A`;
      out.write(`${up}\r\u001b[J${shown.join("\n")}\n`);
      drawn = shown.length;
    },
  };
}

const ESCAPE = "\u001b";
const COLOUR_OR_CHARACTER = new RegExp(`${ESCAPE}\\[[0-9;]*m|.`, "gu");

/** At spaces, where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text.trim();
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const at = space > 0 ? space : Math.max(1, width);
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/** A line that wraps would be drawn over wrongly. Colour codes take no room. */
export function cut(line: string, width: number): string {
  let room = width;
  let result = "";
  for (const [part] of line.matchAll(COLOUR_OR_CHARACTER)) {
    if (!part.startsWith(ESCAPE)) {
      if (room === 0) continue;
      room -= 1;
    }
    result += part;
  }
  return result;
}

/** Requests per second from the counts of two looks; a process that was replaced begins anew. */
export function throughputOf(before: Status | null, after: Status, elapsedMs: number): Map<string, number> {
  const rates = new Map<string, number>();
  for (const group of after.groups) {
    const executed = executedByLeader(after, group.group);
    const earlier = before === null ? null : executedByLeader(before, group.group);
    if (executed === null || earlier === null || executed.pid !== earlier.pid || elapsedMs <= 0) continue;
    rates.set(group.group, ((executed.count - earlier.count) * 1_000) / elapsedMs);
  }
  return rates;
}

function executedByLeader(status: Status, name: string): { pid: number | null; count: number } | null {
  const group = status.groups.find((each) => each.group === name);
  const leader = group?.members.find((member) => member.replica === group.leader);
  return leader === undefined ? null : { pid: leader.pid, count: leader.executedCount };
}
