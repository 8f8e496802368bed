import ts from "typescript";
import { type Finding, placeOf, walkSyntax } from "./source-file.js";

/** Words that the glossary replaces, or that say nothing, with what to write instead. */
export const forbiddenWords: ReadonlyMap<string, string> = new Map([
  ["master", "leader"],
  ["slave", "follower"],
  ["node", "replica, server or host"],
  ["cluster", "group"],
  ["ring", "group"],
  ["instance", "replica"],
  ["util", "the idea that the code is about"],
  ["utils", "the idea that the code is about"],
  ["helper", "the idea that the code is about"],
  ["helpers", "the idea that the code is about"],
]);

/** In a file's name these say nothing either. */
export const forbiddenFileWords: ReadonlyMap<string, string> = new Map([
  ...forbiddenWords,
  ["types", "the idea that the types are about"],
  ["manager", "what it manages"],
  ["common", "what is shared"],
]);

/** The cluster id that every hello carries, and the version of Node that a replica runs on. */
const allowedPairs: ReadonlySet<string> = new Set(["cluster id", "cluster ids", "node version", "node major", "node executable"]);

/** Forbidden words in the names that a file declares; names that others declared may be used. */
export function findForbiddenWords(source: ts.SourceFile): Finding[] {
  const findings: Finding[] = [];
  walkSyntax(source, (syntax) => {
    if (!ts.isIdentifier(syntax) || !isDeclared(syntax)) return;
    for (const word of forbiddenIn(wordsOf(syntax.text), forbiddenWords)) {
      findings.push(`${placeOf(syntax)}: ${word} in ${syntax.text}: say ${forbiddenWords.get(word)}`);
    }
  });
  return findings;
}

/** What is wrong with a file's name: a forbidden word in it, or anything but kebab-case. */
export function checkFileName(path: string): Finding[] {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const findings = forbiddenIn(name.split(/[-.]/), forbiddenFileWords).map(
    (word) => `${path}: ${word} in the file's name: say ${forbiddenFileWords.get(word)}`,
  );
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/.test(name))
    findings.push(`${path}: kebab-case in the file's name: write it so`);
  return findings;
}

function forbiddenIn(words: readonly string[], forbidden: ReadonlyMap<string, string>): string[] {
  return words.filter((word, position) => {
    if (!forbidden.has(word)) return false;
    return !allowedPairs.has(`${word} ${words[position + 1] ?? ""}`);
  });
}

/** `sessionTableMax` and `SESSION_TABLE_MAX` are both session, table, max. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .split(/[ _$]+/)
    .map((word) => word.toLowerCase());
}

function isDeclared(name: ts.Identifier): boolean {
  const { parent } = name;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return parent.propertyName !== undefined && parent.name === name;
  if (ts.isBindingElement(parent))
    return parent.name === name && (parent.propertyName !== undefined || !ts.isObjectBindingPattern(parent.parent));
  if (ts.isPropertyAssignment(parent) || ts.isShorthandPropertyAssignment(parent)) return false;
  return (ts.isImportClause(parent) || ts.isNamespaceImport(parent) || isNamedDeclaration(parent)) && parent.name === name;
}

function isNamedDeclaration(syntax: ts.Node): syntax is ts.NamedDeclaration {
  return (
    ts.isVariableDeclaration(syntax) ||
    ts.isParameter(syntax) ||
    ts.isFunctionDeclaration(syntax) ||
    ts.isFunctionExpression(syntax) ||
    ts.isClassDeclaration(syntax) ||
    ts.isClassElement(syntax) ||
    ts.isTypeElement(syntax) ||
    ts.isInterfaceDeclaration(syntax) ||
    ts.isTypeAliasDeclaration(syntax) ||
    ts.isTypeParameterDeclaration(syntax)
  );
}
