import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "./program.js";

const DOCUMENT = readFileSync(new URL("../../docs/reference/cli.md", import.meta.url), "utf8");

function allCommands(): { path: string; command: Command }[] {
  const found: { path: string; command: Command }[] = [];
  const visit = (command: Command, path: string) => {
    for (const each of command.commands) {
      const name = `${path} ${each.name()}`;
      if (each.commands.length === 0) found.push({ path: name, command: each });
      visit(each, name);
    }
  };
  visit(createProgram(), "troupe");
  return found;
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** The rows of a command's section, by flag. */
function documentedFlags(path: string): string[] {
  const section = DOCUMENT.split(/^## /m).find((part) => part.startsWith(`${path}\n`));
  if (section === undefined) return [`there is no section "## ${path}"`];
  return [...section.matchAll(/^\| `(--[a-z-]+)[^`]*` \|/gm)].map((match) => match[1] ?? "").sort();
}

const flagsOf = (command: Command) => command.options.map((option) => option.long ?? "").sort();

describe.each(allCommands())("$path", ({ path, command }) => {
  it("its flags are those of docs/reference/cli.md", () => {
    expect(documentedFlags(path)).toEqual(flagsOf(command));
  });

  it("its help says what it is for, and gives an example", () => {
    const help = helpOf(command);
    expect(command.description()).not.toBe("");
    expect(help).toMatch(new RegExp(`^Example:\n  ${path}|^Example:\n  troupe`, "m"));
    expect(help).toContain(`  ${path}`);
  });
});

it("there are all the commands of the interface", () => {
  const names = allCommands().map(({ path }) => path.replace("troupe ", ""));
  const wanted =
    "up down status call kill pause resume lead style set add remove move events logs check simulate rm gfd lfd server gateway".split(" ");
  expect(names).toEqual(expect.arrayContaining([...wanted, "config check"]));
});

it("every --dir is the same folder where none is given", () => {
  const dirs = allCommands().flatMap(({ command }) => command.options.filter((option) => option.long === "--dir"));
  expect(dirs.length).toBeGreaterThan(15);
  // `up` takes its own from the settings.
  expect([...new Set(dirs.map((option) => option.defaultValue))]).toEqual([undefined, ".troupe"]);
});

it("every command that prints takes --json", () => {
  const silent = ["simulate", "rm", "gfd", "lfd", "server", "gateway"];
  for (const { path, command } of allCommands()) if (!silent.includes(command.name())) expect(flagsOf(command), path).toContain("--json");
});
