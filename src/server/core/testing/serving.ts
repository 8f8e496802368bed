import type { Style } from "../../../vocabulary/style.js";
import { createClient, openSession, request, type TestClient, textFor } from "./client.js";
import { advance, changeView, createGroup, type Group } from "./group.js";

/** Three replicas, the first of which leads; a client has had answers to `count` requests. */
export function createServing(
  style: Style,
  count: number,
  options: Parameters<typeof createGroup>[0],
): { group: Group; client: TestClient } {
  const group = createGroup(options);
  changeView(group, [1, 2, 3], 1, style);
  const client = createClient(group, 1);
  openSession(client);
  for (let sequence = 1; sequence <= count; sequence++) {
    const said = textFor(client, request(client, sequence, `w${sequence}`));
    if (said !== String(sequence)) throw new Error(`request ${sequence} is answered ${said}`);
  }
  advance(group, 100);
  return { group, client };
}
