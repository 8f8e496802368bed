import * as fs from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const PIECE_SIZE_BYTES = 256 * 1024;

/** MB a second: a file of this size written in pieces, with one sync at its end. */
export async function rawFileRate(folder: string, sizeBytes: number): Promise<number> {
  fs.mkdirSync(folder, { recursive: true });
  const path = join(folder, `raw-${process.pid}`);
  const file = await fs.promises.open(path, "w", 0o600);
  try {
    const piece = Buffer.alloc(PIECE_SIZE_BYTES, 1);
    const fromMs = performance.now();
    for (let at = 0; at < sizeBytes; at += PIECE_SIZE_BYTES) await file.write(piece, 0, PIECE_SIZE_BYTES, at);
    await file.datasync();
    return sizeBytes / 1e3 / (performance.now() - fromMs);
  } finally {
    await file.close();
    fs.rmSync(path, { force: true });
  }
}

/** MB a second through a socket of this machine, both ends in this process. */
export function rawSocketRate(sizeBytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fromMs = performance.now();
    const server = createServer((socket) => {
      let received = 0;
      socket.on("data", (bytes) => {
        received += bytes.length;
        if (received < sizeBytes) return;
        socket.destroy();
        server.close();
        resolve(sizeBytes / 1e3 / (performance.now() - fromMs));
      });
      socket.on("error", () => {});
    });
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("no port"));
      const socket = connect(address.port, "127.0.0.1");
      const piece = Buffer.alloc(PIECE_SIZE_BYTES, 1);
      const send = (): void => {
        while (socket.write(piece));
      };
      socket.on("drain", send);
      socket.on("error", () => {});
      socket.on("connect", send);
    });
  });
}
