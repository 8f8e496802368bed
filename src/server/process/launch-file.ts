import { readFileSync } from "node:fs";
import * as z from "zod";
import type { ClusterId, HostId, ReplicaId } from "../../vocabulary/ids.js";
import { isName } from "../../vocabulary/ids.js";
import type { GroupSpec } from "../../vocabulary/spec.js";
import { DURABILITIES, STYLES } from "../../vocabulary/style.js";

/** What the LFD tells a server that it starts: written beside the replica's folder, so that a person can start the same server by hand. */
export interface LaunchFile {
  readonly spec: GroupSpec;
  readonly replica: ReplicaId;
  readonly hostId: HostId;
  readonly clusterId: ClusterId;
  /** The address file of the LFD to register with. */
  readonly lfdAddressFile: string;
  /** The data folder of the installation, where its processes are recorded. */
  readonly systemDir: string;
}

const name = z.string().refine(isName, "not a name: a lower-case letter, then letters, digits and dashes");
const style = z.enum(STYLES as [string, ...string[]]);
const schema = z.object({
  spec: z.looseObject({
    group: name,
    service: z.looseObject({ name: z.string(), hash: z.string(), path: z.string(), styles: z.array(style) }),
    style,
    durability: z.enum(DURABILITIES as [string, ...string[]]),
    checkpointEntries: z.number().int().positive(),
    checkpointBytes: z.number().int().positive().optional(),
    checkpointIntervalMs: z.number().int().nonnegative().optional(),
    transferBytesPerSecond: z.number().int().positive().optional(),
    minimumReplicas: z.number().int().nonnegative(),
    handlerTimeoutMs: z.number().positive(),
  }),
  replica: name,
  hostId: name,
  clusterId: z.string().min(1),
  lfdAddressFile: z.string().min(1),
  systemDir: z.string().min(1),
});

/** Throws an error in words when the file cannot be read or says something impossible. */
export function readLaunchFile(path: string): LaunchFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(
      `The launch file ${path} cannot be read (${(error as Error).message}). It is written by the LFD when it starts a server.`,
    );
  }
  const checked = schema.safeParse(parsed);
  if (!checked.success) throw new Error(`The launch file ${path} is not valid:\n${z.prettifyError(checked.error)}`);
  return parsed as LaunchFile;
}
