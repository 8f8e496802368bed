import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Bytes of each message on the wire, frames included. */
export interface MessageSizes {
  readonly requestBytes: number;
  readonly entryBytes: number;
  readonly ackBytes: number;
  readonly replyBytes: number;
}

/** What a process of the relay is told. `file`: where it persists; null keeps nothing. */
export interface MemberCommand {
  readonly role: "leader" | "follower";
  readonly sizes: MessageSizes;
  readonly file: string | null;
  readonly followerPorts: readonly number[];
}

export interface RelayRun {
  readonly sizes: MessageSizes;
  readonly inFlight: number;
  /** Each of the three persists in this folder before it acknowledges; null: nobody persists. */
  readonly folder: string | null;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** Bundled beside whatever uses this. */
const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "relay-member.mjs");

/** Three processes that only pass messages on, with so many requests in flight. Returns how long each request took, in ms. */
export async function measureRelay({ sizes, inFlight, folder, warmUpMs, durationMs }: RelayRun): Promise<number[]> {
  const children: ChildProcess[] = [];
  const files: string[] = [];
  const start = async (role: MemberCommand["role"], followerPorts: readonly number[]): Promise<number> => {
    const file = folder === null ? null : join(folder, `relay-${process.pid}-${children.length}`);
    if (file !== null) files.push(file);
    const command: MemberCommand = { role, sizes, file, followerPorts };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(command)], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    if (child.stdout === null) throw new Error("no output to read");
    const [line] = await once(child.stdout, "data");
    return Number(String(line));
  };
  try {
    const followerPorts = [await start("follower", []), await start("follower", [])];
    const port = await start("leader", followerPorts);
    return await runClient(port, sizes, inFlight, warmUpMs, durationMs);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    for (const file of files) rmSync(file, { force: true });
  }
}

function runClient(port: number, sizes: MessageSizes, inFlight: number, warmUpMs: number, durationMs: number): Promise<number[]> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  const sentMs: number[] = [];
  const tookMs: number[] = [];
  let oldest = 0;
  let waitingBytes = 0;
  const fromMs = performance.now() + warmUpMs;
  const send = (count: number): void => {
    const nowMs = performance.now();
    for (let each = 0; each < count; each += 1) sentMs.push(nowMs);
    socket.write(Buffer.alloc(count * sizes.requestBytes, 1));
  };
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("connect", () => send(inFlight));
    socket.on("data", (bytes) => {
      const nowMs = performance.now();
      waitingBytes += bytes.length;
      const count = Math.floor(waitingBytes / sizes.replyBytes);
      waitingBytes -= count * sizes.replyBytes;
      for (let each = 0; each < count; each += 1) {
        if (nowMs >= fromMs) tookMs.push(nowMs - (sentMs[oldest] ?? nowMs));
        oldest += 1;
      }
      if (nowMs < fromMs + durationMs) {
        send(count);
        return;
      }
      socket.destroy();
      resolve(tookMs);
    });
  });
}
