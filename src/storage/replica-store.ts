export type { PartialTransfer, SnapshotMeta, StoreCommand, StoreConfig, StoreIdentity, StoreResult } from "./store-command.js";
