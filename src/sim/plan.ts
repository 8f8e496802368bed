import type { AnyService } from "../service/define-service.js";
import type { ReplicaBounds, ReplicaTimings } from "../server/core/state.js";
import type { DetectorKnobs, GroupSpec } from "../vocabulary/spec.js";
import type { Guest } from "./guest.js";
import type { WorkloadName } from "./services.js";
import type { WorldSettings } from "./world.js";

/** Everything that a seed decides before the world begins. */
export interface Plan {
  readonly settings: WorldSettings;
  readonly hostCount: number;
  /** The configuration says which hosts there are to be. */
  readonly hostsNamed: boolean;
  readonly spec: GroupSpec;
  readonly service: AnyService;
  readonly workload: WorkloadName;
  /** A service from outside runs in place of `service` and `workload`: its history has no model to be checked against. */
  readonly guest?: Guest;
  /** Handlers are asynchronous and take their time. */
  readonly slowHandlers: boolean;
  readonly lfdKnobs: DetectorKnobs;
  readonly gfdKnobs: DetectorKnobs;
  readonly timings: Partial<ReplicaTimings>;
  readonly bounds: Partial<ReplicaBounds>;
  readonly segmentSizeBytes: number;
  readonly sliceSizeBytes: number;
  readonly clientCount: number;
  readonly threadsPerClient: number;
  /** Between the end of one operation of a thread and the next. */
  readonly thinkMs: number;
  readonly requestTimeoutMs: number;
  /** Each client has a thread more, whose reads are `session` and `any`. */
  readonly weakReads: boolean;
  readonly storeUnknownProbability: number;
  /** Kinds of fault that strike in this run, each with its mean time between strikes. */
  readonly faults: readonly { readonly kind: string; readonly everyMs: number }[];
  /** Of all strikes of the storm only these, by their numbers; null: all. */
  readonly strikes: readonly number[] | null;
  /** Faults strike between these two; after the second everything heals. */
  readonly stormFromMs: number;
  readonly stormUntilMs: number;
}
