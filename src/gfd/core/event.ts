import type { Hello, Message } from "../../vocabulary/message.js";

export type GfdEvent =
  | { readonly kind: "message-received"; readonly connection: number; readonly peer: Hello; readonly message: Message }
  | { readonly kind: "connection-closed"; readonly connection: number }
  | { readonly kind: "woken" };

export type GfdEffect =
  | { readonly kind: "send"; readonly connection: number; readonly message: Message }
  | { readonly kind: "close"; readonly connection: number; readonly reason: string };
