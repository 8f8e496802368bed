import { expect, it } from "vitest";
import { bookOf, viewOf } from "../core/world.test-kit.js";
import { parseTroupeUrl, readDiscovery } from "./discovery.js";

const found = () => ({ clusterId: "0".repeat(32), group: "g", view: viewOf(1, 1), book: bookOf(1), operations: ["add"], queries: ["get"] });

it("reads what the gateway says, through JSON", () => {
  expect(readDiscovery(JSON.parse(JSON.stringify(found())))).toEqual(found());
  expect(readDiscovery({ ...found(), view: null })).toMatchObject({ view: null });
});

it("refuses what does not look like it, field by field", () => {
  const wrong = [
    null,
    [],
    { ...found(), clusterId: "x" },
    { ...found(), view: { ...viewOf(1, 1), leader: "g-9" } },
    { ...found(), view: { ...viewOf(1, 1), epoch: [1] } },
    { ...found(), book: { version: [1, 1], entries: [{}] } },
    { ...found(), book: { version: [1, 1], entries: [{ ...bookOf(1).entries[0], address: { host: "a", port: 70_000 } }] } },
    { ...found(), operations: [1] },
  ];
  for (const each of wrong) expect(readDiscovery(each)).toBeNull();
});

it("reads addresses, and says in words how one looks", () => {
  expect(parseTroupeUrl("troupe://127.0.0.1:7400,[::1]:7401/counter")).toEqual({
    hosts: ["127.0.0.1:7400", "[::1]:7401"],
    group: "counter",
  });
  for (const wrong of ["http://a:1/b", "troupe://a/b", "troupe://a:1", "troupe://a:1/B", "troupe://a:1/b?x", "troupe:///b"])
    expect(() => parseTroupeUrl(wrong)).toThrow(/troupe:\/\/127.0.0.1:7400\/counter/);
});
