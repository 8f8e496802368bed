import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it, test } from "vitest";
import * as zod from "zod";
import { createProgram } from "../src/cli/program.js";
import * as troupe from "../src/service/index.js";
import { listFiles, readText } from "./tidy/source-file.js";

const pages = ["README.md", ...listFiles("docs", ".md"), ...listFiles("examples", ".md")].map((path) => ({ path, text: readText(path) }));

/** The services of a page, each with the name by which a failure finds it again. */
const services = pages.flatMap(({ path, text }) =>
  [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
    .map((block) => block[1] ?? "")
    .filter((code) => code.includes("export default defineService"))
    .map((code) => ({ path, code, name: /name: "([a-z-]+)"/.exec(code)?.[1] ?? "" })),
);

/** What a block gives by default, loaded as a replica would load it: `defineService` refuses at run time what the compiler lets pass. */
function load(code: string): unknown {
  const compiled = ts.transpileModule(code, { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 } });
  const modules: Record<string, unknown> = { troupe, zod };
  const exported: { default?: unknown } = {};
  new Function("require", "exports", compiled.outputText)((name: string) => modules[name], exported);
  return exported.default;
}

describe("services of the documents", () => {
  it("are there", () => {
    expect(services.map(({ name }) => name)).toEqual(expect.arrayContaining(["counter", "tickets", "greeter", "dice"]));
  });

  test.each(services)("$name of $path is one that can be started", ({ code, name }) => {
    expect(load(code)).toMatchObject({ name });
  });

  it("the check finds a name that is taken", () => {
    const code = services.find(({ name }) => name === "tickets")?.code.replace("closeTicket(", "close(") ?? "";
    expect(() => load(code)).toThrow("no operation may be called close");
  });
});

interface Typed {
  readonly place: string;
  readonly words: readonly string[];
}

/** What a page tells its reader to type: `troupe ...` in code, up to a comment, a pipe, or the next command. */
function typedCommands({ path, text }: { path: string; text: string }): Typed[] {
  const parts = text.split(/^```.*\n/m);
  const inBlocks = parts.filter((_, at) => at % 2 === 1).flatMap((block) => block.split("\n"));
  const prose = parts.filter((_, at) => at % 2 === 0).join("\n");
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map((code) => code[1] ?? "");
  return [...inBlocks, ...inline].flatMap((line) =>
    [...line.matchAll(/(?<![\w/"-])(?:npx )?troupe ([a-z][^#|&;]*)/g)].map((match) => ({
      place: `${path}: troupe ${match[1]?.trim()}`,
      words: (match[1] ?? "").trim().split(/\s+/),
    })),
  );
}

/** Why a command cannot be typed so, or nothing. */
function problemsOf({ place, words }: Typed): string[] {
  const [name = "", second = ""] = words;
  const found = createProgram().commands.find((command) => command.name() === name);
  const command = found?.commands.find((each) => each.name() === second) ?? found;
  if (command === undefined) return [`${place}: there is no such command`];
  const taken = new Set(command.options.map((option) => option.long));
  const unknown = words.filter((word) => /^--[a-z]/.test(word) && !taken.has(word));
  // The simulator reads its own options: `troupe simulate -- --help` tells them.
  return name === "simulate" ? [] : unknown.map((flag) => `${place}: there is no ${flag}`);
}

describe("commands of the documents", () => {
  const typed = pages.flatMap(typedCommands);

  it("are commands, with flags that they have", () => {
    expect(typed.length).toBeGreaterThan(100);
    expect(typed.flatMap(problemsOf)).toEqual([]);
  });

  it("the check finds a command and a flag that are not there", () => {
    const text = "`npx troupe stop` and `troupe up --forever`\n```sh\nnpx troupe add --twice   # twice\n```\n";
    expect(typedCommands({ path: "x.md", text }).flatMap(problemsOf)).toEqual([
      "x.md: troupe add --twice: there is no --twice",
      "x.md: troupe stop: there is no such command",
      "x.md: troupe up --forever: there is no --forever",
    ]);
  });

  it("of npm are scripts of the package", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
    const named = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)].map((match) => [path, match[1] ?? ""]),
    );
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(([, script = ""]) => scripts[script] === undefined)).toEqual([]);
  });
});
