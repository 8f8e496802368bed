import { readRunConfig } from "../../config/run-config.js";
import { type GfdProcess, startGfd } from "./gfd.js";

/** `troupe gfd`: with the settings of DIR/config.json. Rejects with a sentence for the reader. */
export async function runGfd(options: { readonly dir: string }): Promise<GfdProcess> {
  const config = readRunConfig(options.dir);
  return startGfd({ dir: options.dir, clusterId: config.clusterId, knobs: config.detectors.gfd });
}
