import { createInterface } from "node:readline/promises";
import { EXIT, Failure } from "./output.js";

/** Shows what would be given up, and asks, unless told not to. Throws when the answer is no, or when nobody is there to be asked. */
export async function confirm(shown: string, options: { readonly yes?: boolean }): Promise<void> {
  process.stderr.write(`${shown}\n`);
  if (options.yes === true) return;
  if (!process.stdin.isTTY)
    throw new Failure(EXIT.usage, "Nothing was changed: nobody is there to be asked. Say --yes when what is shown above may be given up.");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question("Give this up for good? Type yes: ");
  lines.close();
  if (answer.trim() !== "yes") throw new Failure(EXIT.failed, "Nothing was changed.");
}
