import { expect, test } from "vitest";
import { changeView, createGroup, connect, hear, hostOf, advance } from "./testing/group.js";

test("S4: three replicas come up, and clients are told who serves", () => {
  const group = createGroup();
  const client = connect(group, hostOf(group, 1), "client");
  changeView(group, [1, 2, 3], 1);
  expect(hear(group, client).at(-1)).toMatchObject({ kind: "members", serving: true });
  advance(group, 100);
  expect([1, 2, 3].map((number) => hostOf(group, number).replica.appliedIndex)).toEqual([1, 1, 1]);
});
