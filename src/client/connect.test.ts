import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { SessionId } from "../vocabulary/ids.js";
import { connect } from "./connect.js";
import { bookOf } from "./core/world.test-kit.js";
import { openSessionFile } from "./process/session-file.js";

/** A gateway that knows the group, and nobody who leads it. */
const gateway = createServer((_, response) => {
  const found = { clusterId: "0".repeat(32), group: "g", view: null, book: bookOf(1, []), operations: ["add"], queries: [] };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(found));
});
let folder = "";
let url = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "connect-"));
  await new Promise<void>((done) => gateway.listen(0, "127.0.0.1", done));
  url = `troupe://127.0.0.1:${(gateway.address() as AddressInfo).port}/g`;
});
afterEach(async () => {
  gateway.closeAllConnections();
  await new Promise((done) => gateway.close(done));
  await rm(folder, { recursive: true });
});

async function leaveOneOpen(path: string): Promise<void> {
  const file = await new Promise<Awaited<ReturnType<typeof openSessionFile>>>((done) => {
    const opening = openSessionFile(path, { onSaved: () => void opening.then(done), onError: (error) => expect(error).toBeNull() });
    void opening.then((opened) => {
      opened.saveSession("1.5.aa" as SessionId);
      opened.saveRequest("1.5.aa" as SessionId, 1, "add", new Uint8Array());
    });
  });
  await file.close();
}

it("who waits for what an earlier life left open is told when the client is closed before", async () => {
  const path = join(folder, "client.session");
  await leaveOneOpen(path);
  for (const life of [1, 2]) {
    const client = await connect(url, { session: { file: path } });
    const recovered = client.recovered.then(
      () => "all ended",
      (error: unknown) => error,
    );
    await client.close();
    const told = await recovered;
    expect(told, `life ${life}`).toMatchObject({ outcome: "unknown" });
    expect(String(told)).toMatch(/closed before 1 of 1 requests of its earlier life had ended. They stay in its session file/);
  }
});

it("without a session file there is nothing to wait for, and nothing fails when the client is closed", async () => {
  const client = await connect(url);
  await client.close();
  expect(await client.recovered).toEqual([]);
});
