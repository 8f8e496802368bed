import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { summaryOf, summaryTable } from "./lib/figures.js";
import { readOptions } from "./lib/options.js";
import { DATA_FOLDER, record, say, sayHead, tell } from "./lib/report.js";

interface Member {
  readonly name: string;
  readonly clientPort: number;
  readonly args: readonly string[];
  child: ChildProcess;
}

/** A client without an answer for so long asks the next member too, and takes the first answer: kinder than etcd's own clients. */
const HEDGE_MS = 25;
/** Found on the path, if it is installed. */
const PROGRAM = "etcd";
const WHOLE_TIMEOUT_MS = 30_000;
const GAP_TIMEOUT_MS = 30_000;

const SETTINGS: readonly { readonly name: string; readonly flags: readonly string[] }[] = [
  { name: "default settings", flags: [] },
  { name: "heartbeat 10 ms, election time-out 100 ms", flags: ["--heartbeat-interval", "10", "--election-timeout", "100"] },
];

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

/** The same fault against three members of etcd on loopback: kill -9 of the leader, and the pause that one client sees. */
export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    "peer-etcd",
    {
      trials: { default: "20", means: "how often the leader is killed, with each of the two settings" },
      dir: { default: DATA_FOLDER, means: "where data go" },
      record: { default: false, means: "append the result to bench/history.ndjson" },
    },
    args,
  );
  const version = spawnSync(PROGRAM, ["--version"], { encoding: "utf8" });
  if (version.error !== undefined) {
    say("etcd is not installed, so there is nothing to compare with. On Debian: apt-get install etcd-server.");
    return;
  }
  const dataFolder = options.text("dir");
  const title = version.stdout.split("\n")[0] ?? "etcd";
  sayHead(`${title}: SIGKILL of the leader, 3 members on loopback`, dataFolder);
  const results = new Map<string, number[]>();
  for (const { name, flags } of SETTINGS) {
    tell(name);
    results.set(name, await measure(dataFolder, flags, options.count("trials")));
  }
  say(summaryTable([...results].map(([name, gapsMs]) => [`client's gap, ${name}`, gapsMs])));
  const figures = Object.fromEntries([...results].map(([name, gapsMs]) => [name, summaryOf(gapsMs)]));
  record(options.is("record"), "peer-etcd", { version: title, trials: options.count("trials") }, dataFolder, figures);
}

async function measure(dataFolder: string, flags: readonly string[], trials: number): Promise<number[]> {
  mkdirSync(dataFolder, { recursive: true });
  const folder = mkdtempSync(join(dataFolder, "etcd-"));
  const members = await startMembers(folder, flags);
  const agent = new Agent({ keepAlive: true });
  const gapsMs: number[] = [];
  try {
    for (let trial = 1; trial <= trials; trial += 1) {
      const leader = await untilWhole(members, agent);
      gapsMs.push(await strike(members, leader, agent));
      tell(`trial ${trial}: gap ${gapsMs.at(-1)?.toFixed(1)} ms`);
      leader.child = startMember(folder, leader.args);
    }
  } finally {
    agent.destroy();
    for (const { child } of members) await end(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
  return gapsMs;
}

async function startMembers(folder: string, flags: readonly string[]): Promise<Member[]> {
  const ports = await freePorts(6);
  const url = (port: number | undefined): string => `http://127.0.0.1:${port}`;
  const all = [0, 1, 2].map((number) => `m${number}=${url(ports[number + 3])}`).join(",");
  return [0, 1, 2].map((number) => {
    const [client, peer] = [url(ports[number]), url(ports[number + 3])];
    const args = [
      ...["--name", `m${number}`, "--data-dir", join(folder, `m${number}`), "--initial-cluster", all, "--initial-cluster-token", folder],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, ...flags],
    ];
    return { name: `m${number}`, clientPort: ports[number] ?? 0, args, child: startMember(folder, args) };
  });
}

function startMember(folder: string, args: readonly string[]): ChildProcess {
  const log = openSync(join(folder, "log"), "a");
  const child = spawn(PROGRAM, [...args], { stdio: ["ignore", log, log] });
  running.add(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  });
  for (const server of servers) server.close();
  return ports;
}

/** Rejects when the member cannot be reached or has something to complain about. */
function ask(member: Member, agent: Agent, path: string, body: object): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: member.clientPort, path, method: "POST", agent, timeout: GAP_TIMEOUT_MS };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => {
        text += piece;
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${response.statusCode} ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}

/** Waits until all three follow the same leader and have had a moment to catch up; returns that leader. */
async function untilWhole(members: readonly Member[], agent: Agent): Promise<Member> {
  const endMs = performance.now() + WHOLE_TIMEOUT_MS;
  while (performance.now() < endMs) {
    const seen = await Promise.all(
      members.map(async (member) => {
        const status = await ask(member, agent, "/v3/maintenance/status", {}).catch(() => null);
        const header = status?.header as { readonly member_id?: string } | undefined;
        return { member, id: header?.member_id ?? "", leader: String(status?.leader ?? "") };
      }),
    );
    const leader = seen.find(({ id }) => id !== "" && seen.every((each) => each.leader === id));
    if (leader !== undefined) {
      await pause(300 + 200 * Math.random());
      return leader.member;
    }
    await pause(50);
  }
  throw new Error(`etcd's members did not agree on a leader within ${WHOLE_TIMEOUT_MS} ms.`);
}

/** One client, one put at a time, first to the leader; kills the leader after a while, and returns the longest pause around that. */
async function strike(members: readonly Member[], leader: Member, agent: Agent): Promise<number> {
  const others = members.filter((member) => member !== leader);
  let isOver = false;
  let struckMs = Number.POSITIVE_INFINITY;
  let gapMs = 0;
  const client = (async () => {
    let lastMs = performance.now();
    let target = leader;
    while (!isOver) {
      target = await put(target, others, agent);
      const nowMs = performance.now();
      if (nowMs > struckMs) gapMs = Math.max(gapMs, nowMs - lastMs);
      lastMs = nowMs;
    }
  })();
  await pause(200);
  const ended = once(leader.child, "exit");
  struckMs = performance.now();
  leader.child.kill("SIGKILL");
  await ended;
  running.delete(leader.child);
  await pause(4_000);
  isOver = true;
  await client;
  return gapMs;
}

/** Returns the member that answered. */
async function put(first: Member, others: readonly Member[], agent: Agent): Promise<Member> {
  const body = { key: btoa("key"), value: btoa("v".repeat(100)) };
  const endMs = performance.now() + GAP_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    let turn = 0;
    let isDone = false;
    let timer: NodeJS.Timeout | undefined;
    const send = (member: Member): void => {
      clearTimeout(timer);
      if (isDone) return;
      if (performance.now() > endMs) return reject(new Error(`etcd did not answer within ${GAP_TIMEOUT_MS} ms.`));
      ask(member, agent, "/v3/kv/put", body).then(
        () => {
          isDone = true;
          clearTimeout(timer);
          resolve(member);
        },
        // A refused connection is known at once; the next member is asked a moment later.
        () => {
          clearTimeout(timer);
          if (!isDone) timer = setTimeout(next, 2);
        },
      );
      timer = setTimeout(next, HEDGE_MS);
    };
    const next = (): void => {
      turn += 1;
      const member = others[turn % others.length];
      if (member !== undefined) send(member);
    };
    send(first);
  });
}
