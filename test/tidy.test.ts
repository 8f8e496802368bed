import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LONG_FILES } from "./long-first.js";
import { findDeadLinks, linkedFiles } from "./tidy/document-link.js";
import { checkFileLength, fileLinesMax } from "./tidy/file-length.js";
import { checkFileName, findForbiddenWords, forbiddenFileWords, forbiddenWords } from "./tidy/forbidden-word.js";
import { bannedMath, bannedMethods, bannedNames, findImpurity, findUnseeded } from "./tidy/impurity.js";
import { listFiles, listPlanted, parseSource, parseText, projectFolder, readText } from "./tidy/source-file.js";
import { findTestMarkers } from "./tidy/test-marker.js";

const isTest = (path: string): boolean => /\.test(-[a-z-]+)?\.ts$|\/test\//.test(path);
const sourcePaths = listFiles("src", ".ts");
const shippedPaths = sourcePaths.filter((path) => !isTest(path));
const ownPaths = [...sourcePaths, ...listFiles("test", ".ts"), ...listFiles("examples", ".ts"), ...listFiles("bench", ".ts")];
const rootDocuments = ["README.md", "ARCHITECTURE.md", "STYLE.md", "CHANGELOG.md"].filter((path) => existsSync(projectFolder + path));
const documentPaths = [...rootDocuments, ...listFiles("docs", ".md"), ...listFiles("src", ".md"), ...listFiles("examples", ".md")];

const pureFolders = /^src\/(vocabulary|detection|storage|[^/]+\/core)\//;
const seededFolders = /^src\/(sim|checker)\//;

describe("pure folders", () => {
  test("name no time, chance, waiting or machine", () => {
    const purePaths = shippedPaths.filter((path) => pureFolders.test(path));
    expect(purePaths.length).toBeGreaterThan(0);
    expect(purePaths.flatMap((path) => findImpurity(parseSource(path)))).toEqual([]);
  });

  test("and the simulator draws no chance and reads no wall clock of its own", () => {
    expect(shippedPaths.filter((path) => seededFolders.test(path)).flatMap((path) => findUnseeded(parseSource(path)))).toEqual([]);
  });

  test.each(listPlanted("test/tidy/planted/impurity.txt"))("the check finds $expected in: $text", ({ expected, text }) => {
    expect(findImpurity(parseText("planted.ts", text))).toContainEqual(expect.stringContaining(`planted.ts:1: ${expected}: `));
  });

  test("the check of the simulator finds chance and wall clock, and lets it wait", () => {
    const texts = ["Math.random()", "Date.now()", "crypto.randomUUID()", "setTimeout(f, 1)"];
    expect(texts.map((text) => findUnseeded(parseText("planted.ts", text)).length)).toEqual([1, 1, 1, 0]);
  });

  test("each ban has a planted violation", () => {
    const planted = new Set(listPlanted("test/tidy/planted/impurity.txt").map(({ expected }) => expected));
    const bans = [...bannedNames.keys(), ...[...bannedMath].map((name) => `Math.${name}`), ...bannedMethods];
    expect(bans.filter((ban) => !planted.has(ban))).toEqual([]);
  });

  test("the check leaves fields, constants and exact functions alone", () => {
    const text =
      "const a = { process: 1 }; a.process; const f = (process: string) => process; interface B { Date: number } Math.sqrt(2); 2 ** 32; import './x.js';";
    expect(findImpurity(parseText("planted.ts", text))).toEqual([]);
  });
});

describe("names", () => {
  test("declare no forbidden word", () => {
    expect(ownPaths.flatMap((path) => findForbiddenWords(parseSource(path)))).toEqual([]);
  });

  test("of files hold no forbidden word, in kebab-case", () => {
    expect(ownPaths.flatMap(checkFileName)).toEqual([]);
  });

  test.each(listPlanted("test/tidy/planted/word.txt"))("the check finds $expected in: $text", ({ expected, text }) => {
    expect(findForbiddenWords(parseText("planted.ts", text))).toContainEqual(expect.stringContaining(`planted.ts:1: ${expected} in `));
  });

  test.each([...forbiddenFileWords.keys()])("the check finds %s in a file's name", (word) => {
    expect(checkFileName(`src/session-${word}.test.ts`)).toHaveLength(1);
  });

  test("each forbidden word has a planted violation", () => {
    const planted = new Set(listPlanted("test/tidy/planted/word.txt").map(({ expected }) => expected));
    expect([...forbiddenWords.keys()].filter((word) => !planted.has(word))).toEqual([]);
  });

  test("the check leaves names of others and allowed pairs alone", () => {
    const text =
      "import { Node } from 'x'; const clusterId = 1; const timer: NodeJS.Timeout = f(a.node, { node: 1 }); const { cluster } = b; class StringWriter {}";
    expect(findForbiddenWords(parseText("planted.ts", text))).toEqual([]);
    expect([checkFileName("src/x/sessionTable.ts").length, checkFileName("src/x/session-table.property.test.ts").length]).toEqual([1, 0]);
  });
});

describe("files", () => {
  test(`of src have at most ${fileLinesMax} lines`, () => {
    expect(sourcePaths.flatMap((path) => checkFileLength(path, readText(path)))).toEqual([]);
  });

  test("the check finds one line too many", () => {
    const counts = [fileLinesMax, fileLinesMax + 1].map((lineCount) => checkFileLength("planted.ts", "x\n".repeat(lineCount)).length);
    expect(counts).toEqual([0, 1]);
  });
});

describe("tests", () => {
  test("shut out no other test, and are left out only with a reason", () => {
    expect(ownPaths.filter(isTest).flatMap((path) => findTestMarkers(parseSource(path)))).toEqual([]);
  });

  test.each(listPlanted("test/tidy/planted/marker.txt"))("the check finds $expected in: $text", ({ expected, text }) => {
    expect(findTestMarkers(parseText("planted.test.ts", text))).toContainEqual(expect.stringContaining(`planted.test.ts:1: ${expected}: `));
  });

  test("that begin first are there", () => {
    expect(LONG_FILES.filter((path) => !existsSync(projectFolder + path))).toEqual([]);
  });

  test("the check takes a reason beside or above", () => {
    const text = "// needs strace\ntest.skip('x', f);\ntest.skip('x', f); // needs strace\nlist.skip(1);";
    expect(findTestMarkers(parseText("planted.test.ts", text))).toEqual([]);
  });
});

describe("documents", () => {
  test("link to files and headings that exist", () => {
    expect(documentPaths.flatMap((path) => findDeadLinks(path))).toEqual([]);
  });

  test.each(listPlanted("test/tidy/planted/link.txt"))("the check finds that $expected: $text", ({ expected, text }) => {
    expect(findDeadLinks("planted.md", text)).toContainEqual(expect.stringContaining(expected));
  });

  test("what is packed links to what is packed", () => {
    const { files } = JSON.parse(readText("package.json")) as { files: readonly string[] };
    const isPacked = (path: string): boolean =>
      ["README.md", "LICENSE"].includes(path) || files.some((each) => path.replace(/\/$/, "") === each || path.startsWith(`${each}/`));
    const packed = documentPaths.filter(isPacked);
    expect(packed).toEqual(expect.arrayContaining(["README.md", "docs/reference/http.md", "examples/bank/README.md"]));
    const outside = packed.flatMap((path) =>
      linkedFiles(path)
        .filter((file) => !isPacked(file))
        .map((file) => `${path}: ${file}`),
    );
    expect(outside).toEqual([]);
    expect(isPacked("src/service/state-machine.ts")).toBe(false);
  });

  test("the check follows links that hold, and none in code", () => {
    const text = "# The map of `src/`\n[up](#the-map-of-src) [licence](LICENSE) [web](https://example.org/x)\n`[x](y)`\n```\n[x](y)\n```\n";
    expect(findDeadLinks("planted.md", text)).toEqual([]);
  });
});
