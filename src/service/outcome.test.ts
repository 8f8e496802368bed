import { expect, it, vi } from "vitest";
import { decodeValue } from "../codec/value.js";
import { LIMITS } from "../vocabulary/limit.js";
import { replyOf, replyToThrow } from "./outcome.js";
import { ServiceRefusal } from "./refuse.js";

it.each(["this copy of the package", "another copy"])("a refusal of %s keeps code, message and details", async (copy) => {
  if (copy === "another copy") vi.resetModules();
  const { ServiceRefusal } = await import("./refuse.js");
  const { StateRefusal } = await import("./journal/refusal.js");
  const reply = replyToThrow(new ServiceRefusal("short-of-money", "ann has 3", { missing: 2 }));
  expect([reply.refused, decodeValue(reply.bytes)]).toEqual([
    true,
    { code: "short-of-money", message: "ann has 3", details: { missing: 2 } },
  ]);
  expect(decodeValue(replyToThrow(new StateRefusal("state-date", "state.at", "invalid")).bytes)).toEqual({
    code: "state-date",
    message: "state.at: invalid",
  });
});

it("an error of the service's own has no code, even if it looks like a refusal", () => {
  const error = Object.assign(new Error("no"), { name: "ServiceRefusal", code: "x" });
  expect(decodeValue(replyToThrow(error).bytes)).toEqual({ code: "refused", message: "no" });
});

it("a refusal is no larger than any reply may be, whatever the service puts into it: the frame that carries it has an end", () => {
  const large = "x".repeat(LIMITS.payloadSizeBytesMax);
  const withDetails = replyToThrow(new ServiceRefusal("full", "no room", { large }));
  expect(withDetails.bytes.length).toBeLessThan(100);
  expect(decodeValue(withDetails.bytes)).toEqual({ code: "full", message: "no room" });
  const withCode = replyToThrow(new ServiceRefusal(large, "no room"));
  expect(withCode.refused).toBe(true);
  expect(withCode.bytes.length).toBeLessThan(LIMITS.payloadSizeBytesMax);
});

it("what is small as it came, and has no end as a tree, is refused before all of it is copied", () => {
  let copies = 0;
  let value: unknown = {
    get leaf() {
      copies += 1;
      return 1;
    },
  };
  for (let level = 0; level < 22; level += 1) value = [value, value];
  expect(() => replyOf(value)).toThrow(expect.objectContaining({ code: "too-large" }));
  expect(copies).toBeLessThan(200_000);
  const row = { id: 1, tags: ["a", "b"] };
  expect(decodeValue(replyOf(Array.from({ length: 10_000 }, () => row)).bytes)).toHaveLength(10_000);
  const long = { text: "x".repeat(1024 * 1024) };
  expect(() => replyOf(Array.from({ length: 5 }, () => long))).toThrow(expect.objectContaining({ code: "too-large" }));
});

it("a result of exactly the limit is sent", () => {
  const text = "x".repeat(LIMITS.payloadSizeBytesMax - 5);
  expect(replyOf(text).bytes.length).toBe(LIMITS.payloadSizeBytesMax);
  expect(() => replyOf(`${text}x`)).toThrow(expect.objectContaining({ code: "too-large" }));
});
