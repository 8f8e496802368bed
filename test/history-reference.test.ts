import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkExitCodes, checkHistoryFile } from "../src/cli/check.js";

const text = readFileSync("docs/reference/history.md", "utf8");

it("docs/reference/history.md shows what the check says of the history that it shows", () => {
  const [, history = ""] = /^```json\n(.*?)^```$/ms.exec(text) ?? [];
  const [, said = ""] = /^history\.jsonl(: NOT linearizable .*)$/m.exec(text) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "troupe-history-"));
  const path = join(folder, "history.jsonl");
  writeFileSync(path, history);
  expect(checkHistoryFile(path).text.split("\n")[0]).toBe(`${path}${said}`);
  rmSync(folder, { recursive: true });
});

it("docs/reference/history.md has the exit codes of the verdicts", () => {
  const rows = [...text.matchAll(/^\| `([a-z]+)` \| (\d) \|/gm)].map(([, verdict = "", code]) => [verdict, Number(code)]);
  expect(Object.fromEntries(rows)).toEqual(checkExitCodes);
});
