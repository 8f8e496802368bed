import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { CONNECTIONS_MAX } from "../../runtime/open-files.js";
import { TIMEOUT_MS_MAX } from "../http/work.js";

export interface HttpOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Less for tests. */
  readonly silenceTimeoutMs?: number;
}

export interface HttpServer {
  readonly server: Server;
  readonly port: number;
}

const BUSY_PORT_TIMEOUT_MS = 3_000;
const BUSY_PORT_RETRY_MS = 100;
/**
 * A connection over which nothing goes for so long is ended, with what was to be sent there: its caller does not read. While a request waits
 * for its answer nothing goes either, and that may take as long as a caller may ask for.
 */
const SILENCE_TIMEOUT_MS = TIMEOUT_MS_MAX + 10_000;

/** After a kill the port may belong to the dying process for another moment. */
export async function listenPatiently(options: HttpOptions): Promise<HttpServer> {
  for (let waitedMs = 0; ; waitedMs += BUSY_PORT_RETRY_MS) {
    try {
      return await listenHttp(options);
    } catch (error) {
      if (waitedMs >= BUSY_PORT_TIMEOUT_MS) throw error;
      await sleep(BUSY_PORT_RETRY_MS);
    }
  }
}

export function listenHttp({ fetch, host, port, silenceTimeoutMs }: HttpOptions): Promise<HttpServer> {
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000, connectionsCheckingInterval: 5_000 },
    getRequestListener(fetch, { hostname: host }),
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(silenceTimeoutMs ?? SILENCE_TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const reason = error.code === "EADDRINUSE" ? `port ${port} is taken by another program; choose one with --port` : error.message;
      reject(new Error(`The gateway cannot listen on ${host}:${port}: ${reason}.`));
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      // Errors after this (no file descriptors left for a caller) concern that caller only.
      server.on("error", () => {});
      const bound = server.address();
      resolve({ server, port: typeof bound === "object" && bound !== null ? bound.port : port });
    });
  });
}
