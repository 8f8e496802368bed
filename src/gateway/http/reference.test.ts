import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ERRORS } from "../../vocabulary/error.js";
import { standIn } from "./stand-in.test-kit.js";

const read = (name: string) => readFileSync(new URL(`../../../docs/reference/${name}`, import.meta.url), "utf8");

it("docs/reference/errors.md has the rows of the table of errors, and no other", () => {
  const documented = [...read("errors.md").matchAll(/^\| `([a-z-]+)` \| (\d+) \| `([a-z-]+)` \| (.+?) \| (.+?) \|$/gm)].map((row) =>
    row.slice(1),
  );
  const rows = Object.entries(ERRORS).map(([code, row]) => [code, String(row.httpStatus), row.outcome, row.means, row.todo]);
  expect(documented).toEqual(rows);
});

it("docs/reference/http.md has every route of the interface", () => {
  const text = read("http.md");
  const routes = [
    "operations/{operation}",
    "queries/{query}",
    "sessions",
    "members",
    "/v1/status",
    "/v1/events",
    "/metrics",
    "/v1/admin/groups/{group}",
    "accept-loss",
    "/v1/admin/detectors/",
    "/v1/admin/settings",
    "kill",
    "pause",
    "resume",
    "lead",
    "remove",
  ];
  for (const route of routes) expect(text).toContain(route);
});

it("docs/operating/questions.md has every metric of the system, and no other", async () => {
  const served = await (await standIn().request("GET", "/metrics")).text();
  const names = [...served.matchAll(/^# TYPE (troupe_\w+)/gm)].map((line) => line[1]);
  const documented = [...read("../operating/questions.md").matchAll(/^\| `troupe_.*?\|/gm)].flatMap(
    (row) => row[0].match(/troupe_\w+/g) ?? [],
  );
  expect(documented.sort()).toEqual(names.sort());
  // What the rules for alarms ask for is served too.
  const named = read("../operating/questions.md").match(/troupe_\w+/g) ?? [];
  expect(named.filter((name) => !names.includes(name))).toEqual([]);
});
