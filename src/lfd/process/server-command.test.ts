import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { serverCommand } from "./server-command.js";

const from = { execPath: process.execPath, execArgv: ["--enable-source-maps"], argv: ["node", "cli.js"], env: { PATH: "/bin" } };

test("a server copies young objects alone and keeps few of them, and has threads enough", () => {
  const { command, args, env } = serverCommand(from);
  expect(command).toBe(process.execPath);
  expect(args).toEqual(["--enable-source-maps", "--max-semi-space-size=2", "--no-parallel-scavenge", "cli.js"]);
  expect(env).toEqual({ PATH: "/bin", UV_THREADPOOL_SIZE: "16" });
});

test("what its parent was told to do counts more", () => {
  const execArgv = ["--parallel-scavenge"];
  const env = { NODE_OPTIONS: "--max-semi-space-size=64", UV_THREADPOOL_SIZE: "4" };
  const command = serverCommand({ ...from, execArgv, env });
  expect(command.args).toEqual(["--parallel-scavenge", "cli.js"]);
  expect(command.env).toEqual(env);
});

test("this Node takes the flags", () => {
  const flags = serverCommand(from).args.slice(0, -1);
  const { status, stderr } = spawnSync(process.execPath, [...flags, "-e", "0"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});
