import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encodeEntry } from "./entry.js";
import { decodeMessage, encodeMessageWhole } from "./message.js";
import { ENTRIES, GROUP, SAMPLES } from "./message.test-samples.js";

/**
 * Golden vectors: the bytes of this protocol version. A test that fails here says that old and new processes, or old files, no longer
 * understand each other: raise the version, or take the change back. Written anew with TROUPE_WRITE_VECTORS=1.
 */
const PATH = new URL("../../test/vectors/wire-1.json", import.meta.url);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function current(): Record<string, string> {
  const messages = Object.values(SAMPLES).map((message) => [`message ${message.kind}`, hex(encodeMessageWhole(message, GROUP))]);
  const entries = ENTRIES.map((entry) => [`entry ${entry.body.kind}`, hex(encodeEntry(GROUP, entry))]);
  return Object.fromEntries([...messages, ...entries]);
}

if (process.env.TROUPE_WRITE_VECTORS === "1") writeFileSync(PATH, `${JSON.stringify(current(), null, 1)}\n`);

describe("golden vectors", () => {
  it("messages and entries are the bytes that they were", () => {
    expect(existsSync(PATH)).toBe(true);
    expect(current()).toEqual(JSON.parse(readFileSync(PATH, "utf8")));
  });

  it("the stored bytes are still understood", () => {
    const stored: Record<string, string> = JSON.parse(readFileSync(PATH, "utf8"));
    for (const [name, bytes] of Object.entries(stored)) {
      if (name.startsWith("message ")) expect(decodeMessage(Buffer.from(bytes, "hex"), GROUP)).toMatchObject({ ok: true });
    }
  });
});
