import { createServer, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it, vi } from "vitest";
import { createProgram } from "./program.js";

let server: Server | null = null;
let said = "";

afterEach(() => {
  vi.restoreAllMocks();
  server?.closeAllConnections();
  server?.close();
});

/** What `troupe events` prints where the gateway tells the events so. */
async function eventsOf(tell: (response: ServerResponse) => Promise<void>): Promise<string> {
  server = createServer((request, response) => {
    if (request.url === "/v1/status") response.end("{}");
    else void tell(response);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  said = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
  await createProgram().parseAsync([
    "node",
    "troupe",
    "events",
    "--json",
    "--port",
    String(typeof address === "object" ? address?.port : 0),
  ]);
  return said;
}

const event = (id: number) => `id: ${id}\nevent: gone\ndata: ${JSON.stringify({ id, atMs: 0, kind: "gone", text: `event ${id}` })}\n\n`;

it("prints all that has happened, however slow the gateway is to tell it, and ends when that is told", async () => {
  const text = await eventsOf(async (response) => {
    response.write(": events\n\n");
    await sleep(600);
    response.write(event(1));
    await sleep(600);
    response.write(`${event(2)}: all told\n\n`);
  });
  expect(text.match(/"id":\d/g)).toEqual(['"id":1', '"id":2']);
});

it("a gateway that ends before all is told is no end of what has happened", async () => {
  const told = eventsOf(async (response) => {
    response.end(`: events\n\n${event(1)}`);
  });
  await expect(told).rejects.toMatchObject({ exitCode: 1, message: expect.stringMatching(/gateway/) });
});
