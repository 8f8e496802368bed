import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { SourceMap } from "node:module";
import { join, relative, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { tableOf } from "./figures.js";
import { PROJECT } from "./report.js";

/** What the inspector writes, as far as it is used here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly children?: readonly number[];
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number; readonly columnNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProcessToProfile {
  readonly replica: string;
  readonly pid: number;
}

/** For the environment of the processes. */
export function profileEnvironment(folder: string): NodeJS.ProcessEnv {
  mkdirSync(folder, { recursive: true });
  const preload = pathToFileURL(join(PROJECT, "bench/lib/profile-preload.mjs")).href;
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import=${preload}`.trim(), TROUPE_BENCH_PROFILES: resolve(folder) };
}

export function startProfiles(processes: readonly ProcessToProfile[]): void {
  for (const { pid } of processes) process.kill(pid, "SIGUSR2");
}

/** Ends them, and files them under `name`. Returns the path of each replica's. */
export async function endProfiles(
  folder: string,
  processes: readonly ProcessToProfile[],
  name: string,
): Promise<ReadonlyMap<string, string>> {
  const written = (replica: string): string => join(folder, `${replica}.cpuprofile`);
  for (const { replica } of processes) rmSync(written(replica), { force: true });
  startProfiles(processes);
  const paths = new Map<string, string>();
  for (const { replica } of processes) {
    for (let look = 0; look < 200 && !existsSync(written(replica)); look += 1) await pause(50);
    const path = join(folder, `${name}.${replica}.cpuprofile`);
    renameSync(written(replica), path);
    paths.set(replica, path);
  }
  return paths;
}

/** The functions in which most time was spent, their callees not counted, with their places in the sources; those of Node with whose call it was. */
export function selfTimes(path: string, rowsMax: number): string {
  const profile = JSON.parse(readFileSync(path, "utf8")) as CpuProfile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const callers = new Map(profile.nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id] as const)));
  const callerPlaceOf = (id: number): string => {
    for (let caller = callers.get(id); caller !== undefined; caller = callers.get(caller)) {
      const frame = frames.get(caller);
      if (frame?.url.startsWith("file:") === true) return `, for ${nameOf(frame)} ${placeOf(frame)}`;
    }
    return "";
  };
  const times = new Map<string, number>();
  let allUs = 0;
  let idleUs = 0;
  profile.samples.forEach((id, position) => {
    const frame = frames.get(id);
    // The time until the next sample is this one's.
    const us = Math.max(0, profile.timeDeltas[position + 1] ?? 0);
    if (frame === undefined) return;
    allUs += us;
    if (frame.functionName === "(idle)") {
      idleUs += us;
      return;
    }
    const key = `${nameOf(frame)}\t${placeOf(frame)}${frame.url.startsWith("file:") ? "" : callerPlaceOf(id)}`;
    times.set(key, (times.get(key) ?? 0) + us);
  });
  const busyUs = allUs - idleUs;
  const top = [...times].sort((a, b) => b[1] - a[1]).slice(0, rowsMax);
  const rows = top.map(([key, us]) => [
    key.split("\t")[0] ?? "",
    `${((100 * us) / busyUs).toFixed(1)} %`,
    (us / 1_000).toFixed(0),
    key.split("\t")[1] ?? "",
  ]);
  const share = ((100 * busyUs) / allUs).toFixed(0);
  return `busy ${share} % of ${(allUs / 1_000).toFixed(0)} ms\n${tableOf(["function", "of busy", "ms", "place"], rows)}`;
}

const maps = new Map<string, SourceMap | null>();

/** In the sources where there is a map, as file:line. */
function placeOf({ url, lineNumber, columnNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  if (!url.startsWith("file:")) return url === "" ? "(native)" : `${url}:${lineNumber + 1}`;
  const path = fileURLToPath(url);
  const entry = mapOf(path)?.findEntry(lineNumber, columnNumber);
  if (entry !== undefined && "originalSource" in entry)
    return `${relative(PROJECT, resolve(path, "..", entry.originalSource))}:${entry.originalLine + 1}`;
  return `${relative(PROJECT, path)}:${lineNumber + 1}`;
}

function mapOf(path: string): SourceMap | null {
  const known = maps.get(path);
  if (known !== undefined) return known;
  const map = existsSync(`${path}.map`) ? new SourceMap(JSON.parse(readFileSync(`${path}.map`, "utf8"))) : null;
  maps.set(path, map);
  return map;
}

function nameOf({ functionName }: CpuProfile["nodes"][number]["callFrame"]): string {
  return functionName === "" ? "(anonymous)" : functionName;
}
