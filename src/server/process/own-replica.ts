import { encodeValue } from "../../codec/value.js";
import { readRunConfig } from "../../config/run-config.js";
import { ERRORS } from "../../vocabulary/error.js";
import type { BootId, Incarnation } from "../../vocabulary/ids.js";
import { createReplica, type Replica } from "../core/state.js";
import type { LaunchFile } from "./launch-file.js";

/** The replica that a launch file asks for, before it is told what is on its disk. */
export function ownReplica({ spec, replica, systemDir }: LaunchFile, incarnation: Incarnation, bootId: BootId): Replica {
  // Only a leader goes by these, for what it proposes and admits: replicas that were started with others hold the same table.
  const { sessionExpiryMs, keyExpiryMs, keysMax } = readRunConfig(systemDir);
  return createReplica({
    group: spec.group,
    replica,
    incarnation,
    bootId,
    knobs: spec,
    poisonReply: encodeValue({ code: "poison", message: ERRORS.poison.means }),
    timings: { sessionExpiryMs, keyExpiryMs },
    bounds: { keysMax },
  });
}
