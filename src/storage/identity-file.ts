import { literal, object, type Shape } from "../codec/shape.js";
import { clusterIdShape, groupShape, incarnationShape, replicaShape } from "../codec/view-shape.js";
import { DURABILITIES } from "../vocabulary/style.js";
import { decodeRecord, encodeRecord, type RecordFormat, type Unreadable, unreadable } from "./record-file.js";
import type { StoreConfig, StoreIdentity } from "./store-command.js";

/** Written last when a folder is made: without it the folder holds nothing that was ever acknowledged. */
export const IDENTITY_PATH = "identity";
export const IDENTITY_SIZE_BYTES_MAX = 64 * 1024;
const FORMAT: RecordFormat = { magic: "TRPIDENT", version: 1 };

const identityShape: Shape<StoreIdentity> = object<StoreIdentity>({
  clusterId: clusterIdShape,
  group: groupShape,
  replica: replicaShape,
  incarnation: incarnationShape,
  durability: literal(...DURABILITIES),
});

export function encodeIdentity(identity: StoreIdentity): Uint8Array {
  return encodeRecord(FORMAT, identity);
}

export type DecodedIdentity = { readonly ok: true; readonly identity: StoreIdentity } | Unreadable;

export function decodeIdentity(bytes: Uint8Array): DecodedIdentity {
  const record = decodeRecord(FORMAT, bytes);
  if (!record.ok) return record;
  return identityShape(record.value) ? { ok: true, identity: record.value } : unreadable("it does not hold an identity");
}

/** Why a folder with this identity is not the one that `config` means, or null. */
export function identityMismatch(identity: StoreIdentity, config: StoreConfig): string | null {
  for (const name of ["clusterId", "group", "replica", "durability"] as const) {
    if (identity[name] !== config[name]) return `the folder belongs to ${name} ${identity[name]}, not to ${config[name]}`;
  }
  return null;
}
