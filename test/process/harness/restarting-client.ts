import { appendFileSync } from "node:fs";
import { connect } from "troupe/client";
import type trial from "../services/trial.js";

/**
 * A client that is killed and started again: `URL SESSION-FILE JOURNAL KEY`. It appends numbered pieces of text to one key, several at a
 * time, and notes in its journal what it began, what was acknowledged and what its next life found recovered.
 */
const [url = "", sessionFile = "", journal = "", key = "", firstNumber = "1"] = process.argv.slice(2);
const IN_FLIGHT = 8;

const note = (word: string, value: string): void => appendFileSync(journal, `${word} ${value}\n`);
const client = await connect<typeof trial>(url, { session: { file: sessionFile } });
// An append answers the whole value, of which its own piece is the last.
for (const { operation, result, error } of await client.recovered)
  note("recovered", error === undefined ? (String(result).split(";").at(-2) ?? "nothing") : `${operation}: ${error.code} ${error.outcome}`);
note("up", String(process.pid));

let number = Number(firstNumber);
for (let i = 0; i < IN_FLIGHT; i++) void appendForEver();

async function appendForEver(): Promise<void> {
  for (;;) {
    const piece = String(number++);
    note("began", piece);
    try {
      await client.append({ key, value: `${piece};` });
      note("acknowledged", piece);
    } catch (error) {
      note("failed", `${piece} ${String(error)}`);
    }
  }
}
