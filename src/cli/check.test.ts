import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkHelp, checkHistoryFile } from "./check.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-check-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(...lines: (string | object)[]): string {
  const path = join(folder, `${Math.random()}.jsonl`);
  writeFileSync(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
  return path;
}

const add = { client: "a", operation: "add", input: 5, startedAt: 1, endedAt: 2, outcome: "ok", result: 5 };
const get = { client: "b", operation: "get", startedAt: 3, endedAt: 4, outcome: "ok", result: 5 };

describe("troupe check", () => {
  test("a good history passes, and its model is told from the operations", () => {
    const report = checkHistoryFile(fileWith(add, get));
    expect(report).toMatchObject({ exitCode: 0, json: { verdict: "linearizable", model: "counter", outcomes: { ok: 2 } } });
    expect(report.text).toContain(": linearizable (model counter; 2 operations: 2 ok");
  });

  test("a violation fails and is explained", () => {
    const report = checkHistoryFile(fileWith(add, { ...get, result: 0 }));
    expect(report).toMatchObject({ exitCode: 1, json: { verdict: "violation", explanations: [{ blockedOperation: 2 }] } });
    expect(report.text).toContain("operation 2: client b: get -> 0 [3 .. 4]");
  });

  test("undecided fails", () => {
    const puts = ["v", "w"].map((value) => ({ ...add, operation: "put", input: { key: "k", value } }));
    const late = { ...get, operation: "get", input: "k", result: "x" };
    expect(checkHistoryFile(fileWith(...puts, late), { exploredMax: 1 })).toMatchObject({ exitCode: 1, json: { verdict: "undecided" } });
  });

  test("a bad line is named with what to do", () => {
    const report = checkHistoryFile(fileWith(add, "", "{not json}", { ...get, startedAt: "3" }));
    expect(report.exitCode).toBe(2);
    expect(report.text).toContain("line 3: not JSON");
    expect(report.text).toContain('line 4: "startedAt" is "3"');
  });

  test.each([
    ["no such file", () => join(folder, "absent"), undefined, "cannot be read"],
    ["an empty file", () => fileWith(), undefined, "holds no operation"],
    ["an unknown model", () => fileWith(add), "queue", 'there is no model "queue"'],
    ["operations of no model", () => fileWith(add, { ...get, operation: "pop" }), undefined, "fit no model"],
    ["operations of another model", () => fileWith(add, get), "bank", "does not fit the model bank: operation 1"],
    ["operations of several models", () => fileWith({ ...add, result: null }), undefined, "say which with --model"],
  ])("%s: nothing is checked, and it says why", (_, path, model, message) => {
    const report = checkHistoryFile(path(), model === undefined ? {} : { model });
    expect(report).toMatchObject({ exitCode: 2, json: { verdict: "unreadable" } });
    expect(report.text).toContain(message);
  });

  test("characters on the border of two pieces survive", () => {
    const value = "é".repeat(1 << 20);
    const put = { ...add, operation: "put", input: { key: "k", value }, result: null };
    expect(checkHistoryFile(fileWith(put, { ...get, input: "k", result: value })).exitCode).toBe(0);
  });

  test("the help names every model and ends the guess about exit codes", () => {
    for (const name of ["register", "counter", "bank", "append-list", "set", "Exit codes"]) expect(checkHelp).toContain(name);
  });
});
