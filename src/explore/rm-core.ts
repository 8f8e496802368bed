import type { View } from "../vocabulary/view.js";

export interface CoreRm {
  readonly kind: "core";
  readonly rm: number;
  readonly awaits: number;
  readonly phase: "away" | "ruling" | "ended";
  readonly attempt: { readonly view: View | null } | null;
}
