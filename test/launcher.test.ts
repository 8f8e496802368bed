import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { projectFolder } from "./tidy/source-file.js";

/** Runs the launcher in a process that takes itself for something else. */
function launchAs(disguise: string): { readonly status: number | null; readonly said: string } {
  const preload = `data:text/javascript,${encodeURIComponent(disguise)}`;
  const run = spawnSync(process.execPath, ["--import", preload, `${projectFolder}bin/troupe.js`, "--version"], { encoding: "utf8" });
  return { status: run.status, said: run.stderr };
}

test("Windows is refused in words", () => {
  const { status, said } = launchAs(`Object.defineProperty(process, "platform", { value: "win32" })`);
  expect({ status, said }).toEqual({ status: 1, said: expect.stringMatching(/^Troupe does not run on Windows: .*WSL 2\.\n$/) });
});

test.each(["18.20.8", "20.18.3"])("Node %s is refused in words", (version) => {
  const { status, said } = launchAs(`Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`);
  expect({ status, said }).toEqual({
    status: 1,
    said: `Troupe needs Node 20.19 or later, and this is Node ${version}. Install a newer Node and run the command again.\n`,
  });
});

test.each(["20.19.0", "24.0.0"])("Node %s is not refused", (version) => {
  const { said } = launchAs(`Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`);
  expect(said).not.toContain("Troupe needs");
});

test("a wrong command line is told as data too, where data is asked for", () => {
  const run = spawnSync(process.execPath, [`${projectFolder}bin/troupe.js`, "status", "--json", "--colour"], { encoding: "utf8" });
  expect({ status: run.status, data: JSON.parse(run.stdout) }).toEqual({
    status: 2,
    data: { error: { message: expect.stringContaining("--colour") } },
  });
  expect(run.stderr).toContain("--colour");
});
