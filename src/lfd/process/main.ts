import { readRunConfig } from "../../config/run-config.js";
import { hostId, isName } from "../../vocabulary/ids.js";
import { type LfdProcess, startLfd } from "./lfd.js";

/** `troupe lfd`: with the settings of DIR/config.json. Rejects with a sentence for the reader. */
export async function runLfd(options: { readonly dir: string; readonly hostId: string }): Promise<LfdProcess> {
  if (!isName(options.hostId))
    throw new Error(
      `"${options.hostId}" is no name of a host: a lower-case letter, then at most 62 lower-case letters, digits and dashes.`,
    );
  const config = readRunConfig(options.dir);
  return startLfd({
    dir: options.dir,
    hostId: hostId(options.hostId),
    clusterId: config.clusterId,
    knobs: config.detectors.lfd,
    stoppedGraceMs: config.stoppedGraceMs,
  });
}
