import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openExecutingMark } from "../runtime/executing-mark.js";
import { lockFolder } from "../runtime/folder-lock.js";
import { encodeControl } from "../storage/control-file.js";
import { inspect } from "./inspect-command.js";
import { damageIn, inspectionText } from "./inspect-text.js";
import { createProgram } from "./program.js";

const GOLDEN = fileURLToPath(new URL("../../test/vectors/storage/1", import.meta.url));
const SEGMENT = "segment-000000000001";

let dir = "";
let replica = "";
let rm = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "troupe-inspect-"));
  replica = join(dir, "replicas", "bank-1");
  rm = join(dir, "rm");
  cpSync(GOLDEN, join(replica, "data"), { recursive: true });
  mkdirSync(rm);
  cpSync(join(GOLDEN, "control"), join(rm, "control"));
  rmSync(join(replica, "data", "control"));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function textOf(path: string, from = 0, to = 0): Promise<string> {
  const range = to === 0 ? null : { fromIndex: from, toIndex: to };
  return inspectionText(await inspect(path, range), range);
}

/** Every file with its bytes and the time of its last change. */
function stateOf(folder: string): unknown {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path, "hex"), statSync(path).mtimeMs]);
}

describe("troupe inspect", () => {
  it("of a replica's folder tells identity, promise, snapshot and log", async () => {
    const text = await textOf(replica);
    expect(text).toContain("verdict    whole: a start finds promise 4.1, the snapshot at 4, 5 more in the log; the last index is 9");
    expect(text).toContain("replica bank-1 of group bank, incarnation 0123456789abcdef0123456789abcdef, durability disk");
    expect(text).toContain("promise    epoch 4.1 (write 3, 2 of 2 slots whole)");
    expect(text).toContain("425 bytes: 45 of state in 3 slices, 1 session, 1 key; checksum 23f7b92e verified");
    expect(text).toContain("cuts the log off after 7");
    expect(text).not.toContain("DAMAGE");
    expect(await textOf(join(replica, "data"))).toBe(text);
  });

  it("tells entries in words, with their inputs", async () => {
    const text = await textOf(replica, 3, 4);
    expect(text).toContain('operation "deposit" for session 1.2.ab number 1 (resumption 0, floor 1)');
    expect(text).toContain("input: { account: 'ann', amount: 5 } (24 bytes)");
    expect(text).toContain("reply: 15 (1 bytes)");
    expect(await textOf(replica, 100, 120)).toContain("the log holds none of them");
  });

  it("of a Replication Manager's folder tells term, groups, views and replicas", async () => {
    const text = await textOf(rm);
    expect(text).toContain("revision 2, term 4");
    expect(text).toContain("view      epoch 4.1, generation 1, warm-passive, led by bank-1");
    expect(text).toContain("bank-1 on host-1, bank-2 on host-1; the next gets number 3");
  });

  it.each([SEGMENT, "snapshot-0000000000000004-3-1", "promise", "identity"])("of the one file %s", async (name) => {
    const inspection = await inspect(join(replica, "data", name), null);
    expect(damageIn(inspection)).toEqual([]);
    expect(inspectionText(inspection, null)).not.toBe("");
  });

  it("says who uses the folder, and takes no lock", async () => {
    const lock = await lockFolder(replica);
    try {
      for (const path of [replica, join(replica, "data"), join(replica, "data", SEGMENT)])
        expect(await textOf(path)).toContain(`is in use by process ${process.pid}`);
    } finally {
      await lock.release();
    }
    await inspect(replica, null);
    await (await lockFolder(replica)).release();
    expect(await textOf(replica)).not.toContain("in use");
  });

  it("changes nothing, on whole files as on damaged ones", async () => {
    writeFileSync(join(replica, "data", SEGMENT), readFileSync(join(replica, "data", SEGMENT)).fill(7, 500, 600));
    const before = stateOf(dir);
    await inspect(replica, { fromIndex: 1, toIndex: 99 });
    await inspect(rm, null);
    expect(stateOf(dir)).toEqual(before);
  });

  it("tells damage with file and offset", async () => {
    writeFileSync(join(replica, "data", SEGMENT), readFileSync(join(replica, "data", SEGMENT)).fill(7, 700, 701));
    const text = await textOf(replica);
    expect(text).toContain(`verdict    damaged: a start sets it aside for ${SEGMENT} at offset 463`);
    expect(text).toContain(`DAMAGE\n  ${SEGMENT} at offset 463: batch 2 is closed by its trailer, but its content is damaged`);
  });

  it("tells what was being executed and what was set aside", async () => {
    const mark = openExecutingMark(replica);
    mark.set("k:payment-7");
    mark.close();
    mkdirSync(join(replica, "damaged-1"));
    const text = await textOf(replica);
    expect(text).toContain('executing  "k:payment-7"');
    expect(text).toContain("set aside  damaged-1");
  });

  it("a control store with what this release does not know is told as such", async () => {
    const head = { formatVersion: 1, revision: 1, term: 1 };
    writeFileSync(
      join(rm, "control"),
      encodeControl(
        new Map<string, unknown>([
          ["head", head],
          ["lease/x", 1],
        ]),
      ),
    );
    expect(await textOf(rm)).toContain('DAMAGE\n  control: it holds what this release does not know: "lease/x"');
    writeFileSync(join(rm, "control"), encodeControl(new Map<string, unknown>([["head", { ...head, formatVersion: 2 }]])));
    expect(damageIn(await inspect(rm, null))).toEqual(["control: its content has format version 2; this release reads version 1"]);
  });

  it("--json is one value, and damage sets the exit code", async () => {
    const printed: string[] = [];
    const stdout = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
    const before = process.exitCode;
    try {
      await createProgram().parseAsync(["node", "troupe", "inspect", replica, "--json", "--entries", "3"]);
      expect(process.exitCode).toBe(before);
      writeFileSync(join(replica, "data", "identity"), "x");
      await createProgram().parseAsync(["node", "troupe", "inspect", replica]);
      expect(process.exitCode).toBe(1);
    } finally {
      stdout.mockRestore();
      process.exitCode = before;
    }
    const { data } = JSON.parse(printed[0] ?? "");
    expect(data.segments[0].batches[1].entries).toMatchObject([
      { index: 3, payloads: [{ content: { value: { account: "ann", amount: 5 } } }] },
    ]);
    expect(printed[1]).toContain("DAMAGE\n  identity: it has only 1 bytes");
  });

  it("where nothing of ours is, it says where to look", async () => {
    await expect(inspect(dir, null)).rejects.toThrow(`Try one of: ${rm}, ${replica}`);
    await expect(inspect(join(dir, "absent"), null)).rejects.toThrow("There is nothing at");
    writeFileSync(join(dir, "notes.txt"), "hello");
    await expect(inspect(join(dir, "notes.txt"), null)).rejects.toThrow("is no segment, snapshot, promise, identity or control store");
  });
});
