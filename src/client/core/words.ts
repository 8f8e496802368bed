/** The words of the vocabulary that events, effects and state of the client share. */
export type { Consistency } from "../../vocabulary/message-client.js";
export type { RequestIdentity } from "../../vocabulary/session.js";
export type { SessionId } from "../../vocabulary/ids.js";
export type { AddressBook, View } from "../../vocabulary/view.js";
