import type { Finding } from "./source-file.js";

export const fileLinesMax = 400;

/** A file that has grown past the limit holds more than one idea. */
export function checkFileLength(path: string, text: string): Finding[] {
  const lineCount = text.replace(/\n$/, "").split("\n").length;
  return lineCount > fileLinesMax ? [`${path}: ${lineCount} lines, and ${fileLinesMax} is the limit: find the second idea in it`] : [];
}
