import { expect, it } from "vitest";
import { decodeText, encodeText } from "./text.js";

// Read where the packer is loaded: what follows is as on a machine on which its native part could not be installed.
process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED = "true";
const { isNativeAccelerationEnabled } = await import("msgpackr");
const { decodeValue, encodeValue } = await import("./value.js");

it("S9: a text that begins with a byte order mark keeps it, with and without the packer's native part", () => {
  expect(isNativeAccelerationEnabled).toBe(false);
  for (const length of [1, 20, 100, 70_000]) {
    const text = `\uFEFF${"a".repeat(length)}`;
    expect(decodeValue(encodeValue([text, { text }, new Map([[text, 1]])]))).toEqual([text, { text }, new Map([[text, 1]])]);
  }
  expect(new TextDecoder().decode(encodeText("\uFEFFa"))).toBe("a");
});

it("a name or key that begins with a byte order mark is not the one without", () => {
  for (const text of ["\uFEFFk", "\uFEFF\uFEFFk", `\uFEFF${"k".repeat(100)}`]) expect(decodeText(encodeText(text))).toBe(text);
});
