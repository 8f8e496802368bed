import ts from "typescript";
import { type Finding, placeOf, walkSyntax } from "./source-file.js";

const reasonIsNeeded: ReadonlySet<string> = new Set(["skip", "skipIf", "runIf", "todo", "fails"]);
const testWords: ReadonlySet<string> = new Set(["test", "it", "describe", "suite", "bench"]);

/** Tests that shut out others, and tests left out without a comment on the line or above it that says why. */
export function findTestMarkers(source: ts.SourceFile): Finding[] {
  const findings: Finding[] = [];
  const lines = source.text.split("\n");
  walkSyntax(source, (syntax) => {
    if (!ts.isPropertyAccessExpression(syntax) || !testWords.has(firstNameOf(syntax))) return;
    const marker = syntax.name.text;
    if (marker === "only") findings.push(`${placeOf(syntax)}: only: it shuts out all other tests`);
    else if (reasonIsNeeded.has(marker) && !hasComment(lines, source.getLineAndCharacterOfPosition(syntax.name.getStart()).line)) {
      findings.push(`${placeOf(syntax)}: ${marker}: say why in a comment`);
    }
  });
  return findings;
}

function firstNameOf(access: ts.PropertyAccessExpression): string {
  let first: ts.Expression = access;
  while (ts.isPropertyAccessExpression(first) || ts.isCallExpression(first)) first = first.expression;
  return ts.isIdentifier(first) ? first.text : "";
}

function hasComment(lines: readonly string[], line: number): boolean {
  return lines[line]?.includes("// ") === true || /^\s*(\/\/ |\*|\/\*)/.test(lines[line - 1] ?? "");
}
