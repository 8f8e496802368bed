import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { linesTo, logTo } from "./log.js";

// Only Linux has a device that is always full.
test.runIf(process.platform === "linux")("a full disk costs lines of the log, not the process that writes them", () => {
  const full = openSync("/dev/full", "w");
  const log = logTo(linesTo(full), "test");
  expect(() => {
    log.info("the first line that there is no room for");
    log.warn("the next");
    log.fatal("the last one before the process ends");
  }).not.toThrow();
  closeSync(full);
});

test("a line of the log is a JSON object", () => {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  const file = openSync(join(folder, "log"), "w");
  const log = logTo(linesTo(file), "test");
  log.info({ group: "bank" }, "Köln");
  log.warn("next");
  closeSync(file);
  const lines = readFileSync(join(folder, "log"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { component: "test", group: "bank", msg: "Köln" },
    { component: "test", msg: "next" },
  ]);
  rmSync(folder, { recursive: true });
});
