import ts from "typescript";
import { type Finding, placeOf, walkSyntax } from "./source-file.js";

/** What pure code may not name, and what to do instead. */
export const bannedNames: ReadonlyMap<string, string> = new Map([
  ["Date", "time comes in as nowMs"],
  ["performance", "time comes in as nowMs"],
  ["setTimeout", "say when to be woken in nextWakeMs"],
  ["setInterval", "say when to be woken in nextWakeMs"],
  ["setImmediate", "emit an effect"],
  ["queueMicrotask", "emit an effect"],
  ["Promise", "a completion comes back as an event"],
  ["Intl", "it differs between machines"],
  ["WeakRef", "it shows what the garbage collector does"],
  ["FinalizationRegistry", "it shows what the garbage collector does"],
  ["crypto", "random bytes come in with an event"],
  ["process", "settings come in with an event"],
  ["console", "emit an effect"],
  ["Buffer", "use Uint8Array"],
  ["globalThis", "name what is meant"],
  ["eval", "it hides what is used"],
  ["Function", "it hides what is used"],
  ["require", "import at the top"],
]);

/** Implementation-approximated in ECMAScript: the last bit differs between versions of Node. `sqrt` is exact everywhere. */
export const bannedMath: ReadonlySet<string> = new Set(
  "random exp expm1 log log1p log2 log10 pow sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh cbrt hypot".split(" "),
);

export const bannedMethods: ReadonlySet<string> = new Set(["localeCompare", "toLocaleString", "toLocaleLowerCase", "toLocaleUpperCase"]);

/** Every use of time, chance, waiting or the machine in a file that must be pure. */
export function findImpurity(source: ts.SourceFile): Finding[] {
  const findings: Finding[] = [];
  const ownNames = declaredNames(source);
  walkSyntax(source, (syntax) => {
    const ban = banOf(syntax, ownNames);
    if (ban !== undefined) findings.push(`${placeOf(syntax)}: ${ban}`);
  });
  return findings;
}

/** Of what the simulator runs in one seed, only chance and the wall clock are banned: it may wait and print. */
export function findUnseeded(source: ts.SourceFile): Finding[] {
  return findImpurity(source).filter((finding) => /: (Date|Math\.random|crypto): /.test(finding));
}

/** A parameter that happens to be called `process` is ours; that nobody means the global one beside it is the compiler's to prove. */
function declaredNames(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  walkSyntax(source, (syntax) => {
    const isBinding = ts.isParameter(syntax) || ts.isVariableDeclaration(syntax) || ts.isBindingElement(syntax);
    if (isBinding && ts.isIdentifier(syntax.name)) names.add(syntax.name.text);
  });
  return names;
}

function banOf(syntax: ts.Node, ownNames: ReadonlySet<string>): string | undefined {
  if (ts.isIdentifier(syntax)) return ownNames.has(syntax.text) ? undefined : banOfName(syntax);
  if (ts.isPropertyAccessExpression(syntax)) return banOfMember(syntax);
  if (ts.isAwaitExpression(syntax)) return "await: a completion comes back as an event";
  if (ts.isForOfStatement(syntax) && syntax.awaitModifier !== undefined) return "for await: a completion comes back as an event";
  if (syntax.kind === ts.SyntaxKind.AsyncKeyword) return "async: a core is stepped, it never waits";
  if (ts.isBinaryExpression(syntax) && syntax.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken) return banOfPower(syntax);
  if (ts.isCallExpression(syntax) && syntax.expression.kind === ts.SyntaxKind.ImportKeyword) return "import(): import at the top";
  if (ts.isImportDeclaration(syntax) && ts.isStringLiteral(syntax.moduleSpecifier) && !syntax.moduleSpecifier.text.startsWith(".")) {
    return `import of ${syntax.moduleSpecifier.text}: pure code stands on its own folder and those below it`;
  }
  return undefined;
}

function banOfName(name: ts.Identifier): string | undefined {
  const advice = bannedNames.get(name.text);
  return advice === undefined || isMemberName(name) ? undefined : `${name.text}: ${advice}`;
}

/** `request.process` and `{ process: 1 }` name something of ours; `process` alone does not. */
function isMemberName(name: ts.Identifier): boolean {
  const { parent } = name;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === name;
  if (ts.isQualifiedName(parent)) return parent.right === name;
  if (ts.isBindingElement(parent)) return parent.propertyName === name;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isMethodDeclaration(parent)) &&
    parent.name === name
  );
}

function banOfMember(access: ts.PropertyAccessExpression): string | undefined {
  const member = access.name.text;
  if (ts.isIdentifier(access.expression) && access.expression.text === "Math" && bannedMath.has(member)) {
    return `Math.${member}: ${member === "random" ? "random numbers come in with an event" : "it differs between versions of Node"}`;
  }
  return bannedMethods.has(member) ? `${member}: it differs between machines; compare code units` : undefined;
}

function banOfPower(power: ts.BinaryExpression): string | undefined {
  const isConstant = ts.isNumericLiteral(power.left) && ts.isNumericLiteral(power.right);
  return isConstant ? undefined : "**: it differs between versions of Node";
}
