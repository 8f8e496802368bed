import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** How soon at all a parent, or a peer, can know that a process was killed. */
export interface RawExit {
  /** From kill -9 to the parent's exit event. */
  readonly exitMs: number;
  /** From kill -9 to the closing of a connection with it. */
  readonly closeMs: number;
  /** One message over loopback, half of a round trip: the median of 200. */
  readonly hopMs: number;
}

const PROGRAM = `
  const socket = require("node:net").connect(Number(process.argv[1]), "127.0.0.1");
  socket.setNoDelay(true);
  socket.on("data", (bytes) => socket.write(bytes));
`;

export interface RawExitProbe {
  /** A process that does nothing is started, its echo timed, and killed. */
  measure(): Promise<RawExit>;
  close(): void;
}

export async function createRawExitProbe(): Promise<RawExitProbe> {
  const server: Server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    async measure() {
      const connected: Promise<Socket[]> = once(server, "connection");
      const child = spawn(process.execPath, ["-e", PROGRAM, String(address.port)], { stdio: "ignore" });
      const [socket] = await connected;
      if (socket === undefined) throw new Error("no connection");
      return measureChild(child, socket);
    },
    close: () => server.close(),
  };
}

async function measureChild(child: ChildProcess, socket: Socket): Promise<RawExit> {
  socket.setNoDelay(true);
  socket.on("error", () => {});
  const roundTrips: number[] = [];
  for (let round = 0; round < 200; round += 1) {
    const fromMs = performance.now();
    const answered = once(socket, "data");
    socket.write("x".repeat(64));
    await answered;
    roundTrips.push(performance.now() - fromMs);
  }
  const closed = new Promise<number>((resolve) => void socket.once("close", () => resolve(performance.now())));
  const exited = new Promise<number>((resolve) => void child.once("exit", () => resolve(performance.now())));
  const killedMs = performance.now();
  child.kill("SIGKILL");
  const [exitMs, closeMs] = await Promise.all([exited, closed]);
  return {
    exitMs: exitMs - killedMs,
    closeMs: closeMs - killedMs,
    hopMs: (roundTrips.sort((a, b) => a - b)[100] ?? Number.NaN) / 2,
  };
}
