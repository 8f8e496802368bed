import { describe, expect, it } from "vitest";
import { createDriver } from "./driver.js";

describe("the driver", () => {
  it("steps what one turn brought as one batch, then performs once", async () => {
    const batches: string[][] = [];
    await new Promise<void>((resolve) => {
      const driver = createDriver<string, string>({
        step: (_nowMs, event, effects) => effects.push(event),
        nextWakeMs: () => Number.POSITIVE_INFINITY,
        wake: () => "woken",
        perform: (effects) => {
          batches.push([...effects]);
          if (batches.length === 2) resolve();
        },
      });
      driver.push("a");
      driver.push("b");
      setImmediate(() => setImmediate(() => driver.push("c")));
    });
    expect(batches).toEqual([["a", "b"], ["c"]]);
  });

  it("wakes at the time that the core names", async () => {
    let dueMs = Number.POSITIVE_INFINITY;
    const wokenAtMs = await new Promise<number>((resolve) => {
      const driver = createDriver<string, never>({
        step: (nowMs, event) => {
          if (event === "start") dueMs = nowMs + 15;
          else {
            dueMs = Number.POSITIVE_INFINITY;
            resolve(nowMs);
          }
        },
        nextWakeMs: () => dueMs,
        wake: () => "woken",
        perform: () => {},
      });
      driver.push("start");
    });
    expect(wokenAtMs).toBeGreaterThan(0);
  });

  it("an exception is fatal, and nothing is stepped after it", async () => {
    let steps = 0;
    const error = await new Promise<unknown>((resolve) => {
      const driver = createDriver<string, never>({
        step: () => {
          steps += 1;
          throw new Error("broken");
        },
        nextWakeMs: () => Number.POSITIVE_INFINITY,
        wake: () => "woken",
        perform: () => {},
        onFatal: (caught) => {
          driver.push("b");
          resolve(caught);
        },
      });
      driver.push("a");
    });
    await new Promise(setImmediate);
    expect(String(error)).toContain("broken");
    expect(steps).toBe(1);
  });
});
