import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { type Finding, projectFolder, readText } from "./source-file.js";

/** Links of a Markdown file to files and headings of this project that lead nowhere. Links to the web are not followed. */
export function findDeadLinks(path: string, text: string = readText(path)): Finding[] {
  const findings: Finding[] = [];
  for (const { target, line } of linksOf(text)) {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
    const [file = "", heading] = decodeURIComponent(target).split("#");
    const linked = file === "" ? path : normalize(join(dirname(path), file));
    const isThere = linked === path || (!linked.startsWith("..") && existsSync(projectFolder + linked));
    if (!isThere) findings.push(`${path}:${line}: ${target}: there is no such file`);
    else if (heading !== undefined && linked.endsWith(".md") && !headingsOf(linked === path ? text : readText(linked)).has(heading)) {
      findings.push(`${path}:${line}: ${target}: there is no such heading`);
    }
  }
  return findings;
}

/** The files of this project that a Markdown file links to. */
export function linkedFiles(path: string, text: string = readText(path)): string[] {
  const files = linksOf(text).flatMap(({ target }) =>
    /^[a-z][a-z0-9+.-]*:/i.test(target) ? [] : [decodeURIComponent(target).split("#")[0] ?? ""],
  );
  return files.filter((file) => file !== "").map((file) => normalize(join(dirname(path), file)));
}

function linksOf(text: string): { target: string; line: number }[] {
  return proseLines(text).flatMap(({ prose, line }) => {
    const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)];
    const defined = [...prose.matchAll(/^\s*\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/g)];
    return [...inline, ...defined].map((match) => ({ target: match[1] ?? "", line }));
  });
}

/** Lines outside of code blocks, without inline code. */
function proseLines(text: string): { prose: string; line: number }[] {
  let inBlock = false;
  return text.split("\n").flatMap((content, position) => {
    const isFence = /^\s*(```|~~~)/.test(content);
    if (isFence) inBlock = !inBlock;
    return inBlock || isFence ? [] : [{ prose: content.replace(/`[^`]*`/g, ""), line: position + 1 }];
  });
}

/** The anchors that GitHub makes of the headings. */
function headingsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  let inBlock = false;
  for (const line of text.split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) inBlock = !inBlock;
    const title = inBlock ? undefined : /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (title === undefined) continue;
    const anchor = anchorOf(title);
    let suffix = 0;
    while (anchors.has(suffix === 0 ? anchor : `${anchor}-${suffix}`)) suffix += 1;
    anchors.add(suffix === 0 ? anchor : `${anchor}-${suffix}`);
  }
  return anchors;
}

function anchorOf(title: string): string {
  return title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}
