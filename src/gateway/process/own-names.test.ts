import type { NetworkInterfaceInfo } from "node:os";
import { expect, it } from "vitest";
import { ownNames } from "./own-names.js";

const info = (family: "IPv4" | "IPv6", address: string): NetworkInterfaceInfo =>
  ({
    family,
    address,
    netmask: "",
    mac: "",
    internal: false,
    cidr: null,
    ...(family === "IPv6" ? { scopeid: 0 } : {}),
  }) as NetworkInterfaceInfo;

it("an address that the machine gets while the gateway runs is its own, and one that it has lost is not", () => {
  let nowMs = 0;
  let addresses = [info("IPv4", "192.0.2.1"), info("IPv6", "2001:db8::1")];
  const own = ownNames(
    "0.0.0.0",
    () => ({ eth0: addresses }),
    () => nowMs,
  );
  expect([...own.hosts()]).toEqual(["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "192.0.2.1", "[2001:db8::1]"]);
  addresses = [info("IPv4", "198.51.100.7")];
  nowMs = 5_000;
  expect(own.hosts().has("198.51.100.7")).toBe(true);
  expect(own.hosts().has("192.0.2.1")).toBe(false);
});

it("on a loopback address nothing is looked up", () => {
  const own = ownNames("127.0.0.1", () => {
    throw new Error("looked up");
  });
  expect([...own.hosts()]).toEqual(["127.0.0.1", "localhost", "[::1]"]);
});

it("a name counts in any case, as names of hosts do", () => {
  expect(
    ownNames("Box.Example", () => ({}))
      .hosts()
      .has("box.example"),
  ).toBe(true);
  expect(
    ownNames("2001:DB8::1", () => ({}))
      .hosts()
      .has("[2001:db8::1]"),
  ).toBe(true);
});
