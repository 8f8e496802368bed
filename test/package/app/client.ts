import { connect } from "troupe/client";
import type greeter from "./greeter.js";

// A client as a user writes it. It is type-checked as it stands, and run as it stands; the last line is what the caller reads.
const url = process.argv[2];
if (url === undefined) throw new Error("usage: client.ts URL");

const client = await connect<typeof greeter>(url);
const greeting: { text: string; count: number } = await client.greet("typed client");
const count: number = await client.count("typed client");

/** Never called: the compiler has to refuse each line of it. */
export async function refusedByTheCompiler(): Promise<void> {
  // @ts-expect-error a name is text
  await client.greet(1);
  // @ts-expect-error there is no such operation
  await client.shout("typed client");
  // @ts-expect-error a count is a number
  const text: string = await client.count("typed client");
  console.log(text);
}

await client.close();
console.log(JSON.stringify({ greeting, count }));
