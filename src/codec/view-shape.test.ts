import { expect, it } from "vitest";
import type { AddressBook } from "../vocabulary/view.js";
import { decodeMessage, encodeMessageWhole } from "./message.js";

it("an address with a port that nobody can dial does not get in: dialling it would throw", () => {
  const decodedWith = (port: number) => {
    const entries = [{ replica: "g-1", hostId: "h", address: { host: "127.0.0.1", port }, bootId: "b" }];
    const book = { version: [1, 1], entries } as unknown as AddressBook;
    return decodeMessage(encodeMessageWhole({ kind: "members", view: null, book, serving: false }, null), null).ok;
  };
  expect([0, 7_400, 65_535, 65_536, 70_000].map(decodedWith)).toEqual([true, true, true, false, false]);
});
