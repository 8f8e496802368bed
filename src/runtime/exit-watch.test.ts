import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { createExitWatch } from "./exit-watch.js";
import { hasKernelView } from "./process-info.js";

async function sleeper(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  await once(child, "spawn");
  if (child.pid === undefined) throw new Error("no process");
  return Object.assign(child, { pid: child.pid });
}

// Only Linux has the /proc that it looks at.
describe.runIf(hasKernelView())("the exit watch", () => {
  test("tells of the process that ended, once, and of no other", async () => {
    const [ending, living] = [await sleeper(), await sleeper()];
    const told: unknown[] = [];
    const ended = once(ending, "exit");
    let watch = createExitWatch(1, () => {});
    const seen = new Promise<void>((resolve) => {
      watch = createExitWatch(1, (name, pid) => {
        told.push([name, pid]);
        resolve();
      });
    });
    watch.follow("living", living.pid);
    watch.follow("ending", living.pid);
    // In place of the other one.
    watch.follow("ending", ending.pid);
    // The end of the other one is told late: its parent hears of it when its successor may be there.
    watch.forget("ending", living.pid);
    watch.follow("forgotten", ending.pid);
    watch.forget("forgotten", ending.pid);
    ending.kill("SIGKILL");
    await Promise.all([seen, ended]);
    // Looks that come after its parent was told find it gone as well, and are silent.
    await new Promise((resolve) => setTimeout(resolve, 5));
    watch.close();
    expect(told).toEqual([["ending", ending.pid]]);
    living.kill("SIGKILL");
  });

  test("a pid that nobody has is not followed", () => {
    const watch = createExitWatch(1, () => {
      throw new Error("told of a process that never was");
    });
    watch.follow("nobody", 2 ** 22 + 1);
    watch.close();
  });
});
