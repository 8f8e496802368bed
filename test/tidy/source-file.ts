import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** The project's folder, with a slash at the end. */
export const projectFolder: string = fileURLToPath(new URL("../../", import.meta.url));

/** A finding is a sentence that begins with the place, so that the failing test needs no explanation. */
export type Finding = string;

const foldersLeftOut = new Set(["node_modules", "dist", "coverage", "planted"]);

/** Files below the folder (relative to the project) whose path ends so, sorted; none when there is no such folder yet. */
export function listFiles(folder: string, ending: string): string[] {
  if (!existsSync(projectFolder + folder)) return [];
  const found: string[] = [];
  for (const entry of readdirSync(projectFolder + folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && !foldersLeftOut.has(entry.name) && !entry.name.startsWith(".")) found.push(...listFiles(path, ending));
    else if (entry.isFile() && entry.name.endsWith(ending)) found.push(path);
  }
  return found.sort();
}

export function readText(path: string): string {
  return readFileSync(projectFolder + path, "utf8");
}

export function parseSource(path: string): ts.SourceFile {
  return parseText(path, readText(path));
}

export function parseText(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
}

/** Planted violations, one a line: what the check must say, a bar, the text in which it must find that. */
export function listPlanted(path: string): { expected: string; text: string }[] {
  const lines = readText(path).split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [expected = "", ...rest] = line.split(" | ");
      return { expected, text: rest.join(" | ") };
    });
}

/** Calls `visit` for each piece of syntax in the file, outermost first. */
export function walkSyntax(source: ts.SourceFile, visit: (syntax: ts.Node) => void): void {
  const descend = (syntax: ts.Node): void => {
    visit(syntax);
    ts.forEachChild(syntax, descend);
  };
  descend(source);
}

/** `path:line`, as editors open it. */
export function placeOf(syntax: ts.Node): string {
  const source = syntax.getSourceFile();
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(syntax.getStart()).line + 1}`;
}
