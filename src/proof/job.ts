import type { Style } from "../vocabulary/style.js";
import type { ServiceText } from "./service-code.js";
import type { Outline } from "./trial-run.js";

/** What a thread is started with. */
export interface WorkerSetup {
  readonly service: ServiceText;
  readonly without: readonly string[];
}

/** What it is asked for. */
export type Job =
  | { readonly kind: "outline" }
  | { readonly kind: "run"; readonly style: Style; readonly seed: number; readonly outline: Outline };
