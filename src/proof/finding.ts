import type { Call } from "../sim/services.js";

/** What was found out about the service. `text` is a sentence or a few lines; `before` the operations that led there, the last one last. */
export interface Finding {
  readonly kind: "disagree" | "snapshot" | "invariant" | "outside" | "exhausted" | "examples";
  readonly handler: { readonly kind: Call["kind"]; readonly name: string } | null;
  readonly text: string;
  readonly before: readonly string[];
}

/** How much was looked at. */
export interface Looked {
  /** Operations executed, each counted once however many replicas did it. */
  executed: number;
  /** State and answer of one replica compared with another's after the same operation. */
  comparisons: number;
  snapshots: number;
  invariantChecks: number;
}
