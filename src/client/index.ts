/** `troupe/client`: a typed client of a group. */
export type { Epoch } from "../vocabulary/epoch.js";
export { ERRORS, type ErrorCode, type Outcome } from "../vocabulary/error.js";
export type { Consistency } from "../vocabulary/message-client.js";
export type { View } from "../vocabulary/view.js";
export { type ConnectOptions, connect } from "./connect.js";
export { TroupeError } from "./process/troupe-error.js";
export type { CallOptions, QueryOptions } from "./process/method.js";
export type { Client, ClientControls, Method, Recovered } from "./typed-client.js";
