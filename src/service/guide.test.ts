import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../vocabulary/limit.js";
import { DEPTH_MAX } from "./journal/admit.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const guide = readFileSync(`${root}docs/guide/services.md`, "utf8");
const proof = readFileSync(`${root}docs/guide/proof.md`, "utf8");
const blocks = [...`${guide}\n${proof}`.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? "");

/** What the compiler has against the blocks, each as a file of its own beside the examples. */
function problemsOf(texts: readonly string[]): string[] {
  const config = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const files = new Map(texts.map((text, at) => [`${root}examples/guide-block-${at}.ts`, text]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists.call(host, name);
  host.readFile = (name) => files.get(name) ?? readFile.call(host, name);
  host.getSourceFile = (name, version, ...rest) => {
    const text = files.get(name);
    return text === undefined ? getSourceFile.call(host, name, version, ...rest) : ts.createSourceFile(name, text, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name) => {
    const source = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      (problem) => `${name.slice(root.length)}: ${ts.flattenDiagnosticMessageText(problem.messageText, "\n")}`,
    );
  });
}

describe("docs/guide/services.md and proof.md", () => {
  it("have examples that compile", { timeout: 120_000 }, () => {
    expect(blocks.length).toBeGreaterThanOrEqual(5);
    expect(problemsOf(blocks)).toEqual([]);
    // The check itself has to be able to fail.
    expect(problemsOf(['import { defineService } from "troupe";\nexport default defineService({ name: 5 });\n'])).not.toEqual([]);
  });

  it("lists every code with which the state refuses", () => {
    const source = readFileSync(`${root}src/service/journal/refusal.ts`, "utf8");
    const codes = [...source.matchAll(/^ {2}\| "(state-[a-z-]+)"/gm)].map((match) => match[1]);
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes) expect(guide).toContain(`\`${code}\``);
  });

  it("names the limits that the code has", () => {
    expect(guide).toContain(`nested deeper than ${DEPTH_MAX}`);
    expect(guide).toContain(`${LIMITS.payloadSizeBytesMax / 1024 / 1024} MiB`);
  });
});
