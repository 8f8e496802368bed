import { expect, it, vi } from "vitest";
import { decodeValue } from "../codec/value.js";
import { LIMITS } from "../vocabulary/limit.js";
import { replyToThrow } from "./outcome.js";
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
