/**
 * One process of the bare relay: the least that a leader and two followers can do for a request, with messages of the sizes that the system
 * sends, and nothing else in them. All messages have fixed sizes, so that there is nothing to parse: bytes are counted.
 */
import * as fs from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import type { MemberCommand } from "./relay.js";
import { writeAndSync } from "./raw-disk.js";

const FILE_SIZE_BYTES = 16 * 1024 * 1024;

const command = JSON.parse(process.argv[2] ?? "{}") as MemberCommand;
const { sizes, file, followerPorts } = command;

/** Calls `onCount` with how many whole messages of a size each read has completed. */
function countMessages(socket: Socket, sizeBytes: number, onCount: (count: number) => void): void {
  let waitingBytes = 0;
  socket.setNoDelay(true);
  socket.on("error", () => process.exit(0));
  socket.on("close", () => process.exit(0));
  socket.on("data", (bytes: Buffer) => {
    waitingBytes += bytes.length;
    const count = Math.floor(waitingBytes / sizeBytes);
    waitingBytes -= count * sizeBytes;
    if (count > 0) onCount(count);
  });
}

/** Persists so many more entries, and says through which one all are; at once when there is no file. Group commit: one sync at a time. */
function createPersistence(onPersisted: (through: number) => void): (count: number) => void {
  if (file === null) {
    let through = 0;
    return (count) => {
      through += count;
      onPersisted(through);
    };
  }
  const handle = fs.openSync(file, "w+", 0o600);
  fs.writeSync(handle, Buffer.alloc(FILE_SIZE_BYTES));
  fs.fsyncSync(handle);
  let received = 0;
  let synced = 0;
  let offsetBytes = 0;
  let isWriting = false;
  const write = async (): Promise<void> => {
    isWriting = true;
    while (synced < received) {
      const through = received;
      const bytes = Buffer.alloc((through - synced) * sizes.entryBytes, 1);
      if (offsetBytes + bytes.length > FILE_SIZE_BYTES) offsetBytes = 0;
      await writeAndSync(handle, bytes, offsetBytes);
      offsetBytes += bytes.length;
      synced = through;
      onPersisted(through);
    }
    isWriting = false;
  };
  return (count) => {
    received += count;
    if (!isWriting) void write();
  };
}

function listen(onSocket: (socket: Socket) => void): void {
  const server = createServer(onSocket).listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address !== "string") process.stdout.write(`${address.port}\n`);
  });
}

function runFollower(): void {
  listen((socket) => {
    const ack = Buffer.alloc(sizes.ackBytes);
    const persist = createPersistence((through) => {
      ack.writeUInt32BE(through);
      socket.write(Buffer.from(ack));
    });
    countMessages(socket, sizes.entryBytes, persist);
  });
}

/** Forwards to both followers at once, and answers what two of the three have. */
function runLeader(): void {
  listen((client) => {
    let answered = 0;
    const through = [0, 0, 0];
    const advance = (member: number, to: number): void => {
      through[member] = to;
      const committed = [...through].sort((a, b) => b - a)[1] ?? 0;
      if (committed > answered) client.write(Buffer.alloc((committed - answered) * sizes.replyBytes));
      answered = Math.max(answered, committed);
    };
    const followers = followerPorts.map((port, position) => {
      const socket = connect(port, "127.0.0.1");
      let last = Buffer.alloc(0);
      let waitingBytes = 0;
      socket.setNoDelay(true);
      socket.on("error", () => process.exit(0));
      socket.on("data", (bytes: Buffer) => {
        last = Buffer.concat([last, bytes]);
        const whole = Math.floor(last.length / sizes.ackBytes) * sizes.ackBytes;
        waitingBytes = last.length - whole;
        if (whole > 0) advance(position + 1, last.readUInt32BE(whole - sizes.ackBytes));
        last = last.subarray(last.length - waitingBytes);
      });
      return socket;
    });
    const persist = createPersistence((to) => advance(0, to));
    countMessages(client, sizes.requestBytes, (count) => {
      const entries = Buffer.alloc(count * sizes.entryBytes, 1);
      for (const follower of followers) follower.write(entries);
      persist(count);
    });
  });
}

if (command.role === "leader") runLeader();
else runFollower();
