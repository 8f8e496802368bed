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

/** The rows of a command's section: flag with its value, and as much of the meaning as the help says. */
function documentedFlags(path: string, command: Command): string[] {
  const section = DOCUMENT.split(/^## /m).find((part) => part.startsWith(`${path}\n`));
  if (section === undefined) return [`there is no section "## ${path}"`];
  const rows = [...section.matchAll(/^\| `(--[^`]+)` \| (.*) \|$/gm)].map(([, flags = "", meaning = ""]) => {
    const help = command.options.find((option) => option.flags === flags)?.description ?? "";
    return `${flags}: ${meaning.startsWith(help) ? help : meaning}`;
  });
  return rows.sort();
}

const helpRowsOf = (command: Command) => command.options.map((option) => `${option.flags}: ${option.description}`).sort();
const flagsOf = (command: Command) => command.options.map((option) => option.long ?? "").sort();

describe.each(allCommands())("$path", ({ path, command }) => {
  it("its flags are those of docs/reference/cli.md", () => {
    expect(documentedFlags(path, command)).toEqual(helpRowsOf(command));
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

it("every --port is one that there is", () => {
  const ports = allCommands().flatMap(({ command }) => command.options.filter((option) => option.long === "--port"));
  expect(ports.length).toBeGreaterThan(10);
  for (const { parseArg } of ports) {
    expect(parseArg?.("65535", undefined)).toBe(65_535);
    expect(() => parseArg?.("65536", undefined)).toThrow("at most 65535");
  }
});

it("every command that prints takes --json", () => {
  const silent = ["simulate", "rm", "gfd", "lfd", "server", "gateway"];
  for (const { path, command } of allCommands()) if (!silent.includes(command.name())) expect(flagsOf(command), path).toContain("--json");
});
