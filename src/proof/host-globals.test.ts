import { hostname } from "node:os";
import { expect, test } from "vitest";
import { createChance } from "../sim/chance.js";
import { type HostSource, layHostGlobals, onHost } from "./host-globals.js";
import { serviceMaker } from "./service-code.js";

const host: HostSource = {
  wallMs: () => 5_000,
  monotonicMs: () => 1,
  chance: createChance(1, "host"),
  pid: 7,
  hostName: "simulated",
  reach: (what) => {
    throw new Error(what);
  },
};

test("a class that a service derives from Date is made as itself, and sees the simulated host's clock", () => {
  const takeOff = layHostGlobals();
  try {
    class Day extends Date {
      seconds() {
        return this.getTime() / 1_000;
      }
    }
    expect(onHost(host, () => [new Day().seconds(), new Day(7_000).seconds(), Date.now()])).toEqual([5, 7, 5_000]);
  } finally {
    takeOff();
  }
});

test("S9: the name of its machine, which a handler may take from Node, is the simulated host's, so that it shows where replicas differ", () => {
  const text = `
    const os = require("node:os");
    module.exports = { name: "named", state: () => ({ name: os.hostname() }), operations: {}, queries: {} };
  `;
  const service = serviceMaker({ text, file: "/named.cjs" })();
  expect(onHost(host, service.state)).toEqual({ name: "simulated" });
  expect(service.state()).toEqual({ name: hostname() });
});

test("what a process is told of itself is the simulated one's, and its own again afterwards", () => {
  const { pid } = process;
  const takeOff = layHostGlobals();
  expect(onHost(host, () => [process.pid, process.uptime()])).toEqual([7, 0.001]);
  expect(onHost(host, () => Object.keys(process.memoryUsage()).length + process.memoryUsage.rss())).toBeGreaterThan(5);
  expect(process.pid).toBe(pid);
  takeOff();
  expect(Object.getOwnPropertyDescriptor(process, "pid")?.get).toBeUndefined();
  expect(process.pid).toBe(pid);
});
