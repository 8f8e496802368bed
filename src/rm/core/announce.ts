import type { GroupName, HostId, ReplicaId } from "../../vocabulary/ids.js";
import type { RmEffect } from "./effect.js";

export interface About {
  readonly group?: GroupName;
  readonly replica?: ReplicaId;
  readonly host?: HostId;
  readonly data?: Readonly<Record<string, number | string | boolean>>;
}

/** Each decision and each verdict is said, with its reason. `kind` is listed in docs/reference/events.md. */
export function announce(effects: RmEffect[], kind: string, text: string, about: About = {}): void {
  effects.push({ kind: "announce", announcement: { kind, text, ...about } });
}
