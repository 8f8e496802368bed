import { readdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { toJson } from "../gateway/http/tagged-json.js";
import { readExecutingMark } from "../runtime/executing-mark.js";
import { describeControlFile, describeFile, describeFolder, fileKindOf } from "../storage/inspection.js";
import { BACKUP_PATH } from "../storage/backup-file.js";
import { describeBackup } from "../storage/inspection-backup.js";
import type { EntryRange } from "../storage/inspection-log.js";
import { lookInto, userOf } from "./folder-look.js";
import { damageIn, type Inspection, inspectionText } from "./inspect-text.js";
import { EXIT, Failure, show, withExample } from "./output.js";

interface InspectOptions {
  readonly entries?: EntryRange;
  readonly json?: boolean;
}

const help = `Reads only: it takes no lock and changes nothing, so it may be used on a running system and on a damaged copy alike.

<path> is a replica's folder, its data folder, the folder of a Replication Manager, a backup, or one file of these.
Checksums of a segment begin with the incarnation: a segment alone needs the identity file beside it.
The exit code is 1 when damage was found.

The formats: docs/reference/formats.md`;

export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .description("shows what a log, snapshot, promise, identity, control store or backup holds, and what is wrong with it")
    .argument("<path>", "a replica's folder, its data folder, a Replication Manager's folder, a backup, or one file")
    .option("--entries <from-to>", "tells the entries from one index to another, one by one", entryRange)
    .option("--json", "print JSON")
    .addHelpText("after", `\n${help}`);
  withExample(command, "troupe inspect .troupe/replicas/bank-1 --entries 100-120", "troupe inspect .troupe/rm").action(
    async (path: string, options: InspectOptions) => {
      const inspection = await inspectTwice(path, options.entries ?? null);
      show(options.json === true, toJson(inspection), inspectionText(inspection, options.entries ?? null));
      if (damageIn(inspection).length > 0) process.exitCode = EXIT.failed;
    },
  );
}

/** A folder in use changes between two looks: what is wrong only once is no damage. */
async function inspectTwice(path: string, range: EntryRange | null): Promise<Inspection> {
  const first = await inspect(path, range);
  return first.usedBy !== null && damageIn(first).length > 0 ? inspect(path, range) : first;
}

function entryRange(text: string): EntryRange {
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text);
  const fromIndex = Number(match?.[1]);
  const toIndex = Number(match?.[2] ?? match?.[1]);
  if (match === null || fromIndex > toIndex) throw new InvalidArgumentError("It has to be two indexes, like 100-120, or one.");
  return { fromIndex, toIndex };
}

/** Reads what is at `path`. Throws a Failure when nothing there is ours. */
export async function inspect(path: string, range: EntryRange | null): Promise<Inspection> {
  const stat = statOf(path);
  const isFolder = stat.isDirectory();
  const nothing = { path, usedBy: await userOf(isFolder ? path : dirname(path)), data: null, control: null, backup: null, file: null };
  if (basename(path) === BACKUP_PATH && !isFolder) return inspect(dirname(path), range);
  if (!isFolder) return { ...nothing, file: inspectFile(path, range), executing: null, setAside: [] };
  const names = readdirSync(path);
  if (names.includes(BACKUP_PATH)) return { ...nothing, backup: describeBackup(lookInto(path)), executing: null, setAside: [] };
  // A replica's folder holds its data one level down.
  const around = names.includes("data") && !names.includes("identity");
  const folder = around ? join(path, "data") : path;
  const look = lookInto(folder);
  const control = names.includes("control") ? describeControlFile(look, "control") : null;
  const data = around || holdsData(names) || isEmptyData(path, names) ? describeFolder(look, range) : null;
  const setAside = names.filter((name) => /^damaged-\d+$/.test(name));
  if (control === null && data === null) throw new Failure(EXIT.failed, nothingIn(path, names, setAside));
  return { ...nothing, control, data, executing: readExecutingMark(around ? path : dirname(path)), setAside };
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch {
    throw new Failure(EXIT.failed, `There is nothing at ${path}, or it may not be read.`);
  }
}

function holdsData(names: readonly string[]): boolean {
  return names.some((name) => !["control", null].includes(fileKindOf(name, new Uint8Array(0))));
}

function isEmptyData(path: string, names: readonly string[]): boolean {
  return names.length === 0 && basename(path) === "data";
}

function inspectFile(path: string, range: EntryRange | null) {
  const look = lookInto(dirname(path));
  const name = basename(path);
  const first = look({ kind: "read", ticket: 0, path: name, offsetBytes: 0, sizeBytes: 8 });
  if (first.kind === "failed") throw new Failure(EXIT.failed, `${path} cannot be read: ${first.message}`);
  const kind = fileKindOf(name, first.kind === "read-done" ? first.bytes : new Uint8Array(0));
  if (kind === null) throw new Failure(EXIT.failed, `${path} is no segment, snapshot, promise, identity or control store.`);
  return describeFile(look, name, kind, range);
}

function nothingIn(path: string, names: readonly string[], setAside: readonly string[]): string {
  const replicas = names.includes("replicas") ? foldersIn(join(path, "replicas")) : [];
  const better = [...(names.includes("rm") ? [join(path, "rm")] : []), ...replicas, ...setAside.map((name) => join(path, name))];
  const hint = better.length === 0 ? "A replica with durability `memory` keeps none." : `Try one of: ${better.join(", ")}.`;
  return `${path} holds neither a replica's data nor a control store. ${hint}`;
}

function foldersIn(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name));
}
