import { expect, it } from "vitest";
import { splitAtReady } from "./up-detach.js";

it("what was said before it was ready is kept apart: `ready` is the first line", () => {
  const waits = "up: bank does not answer yet: no view is active; see `troupe logs`\n";
  expect(splitAtReady(waits)).toBeNull();
  expect(splitAtReady(`${waits}ready http://127.0.0.1:7400\n  call it\n`)).toEqual({
    before: waits,
    after: "ready http://127.0.0.1:7400\n  call it\n",
  });
});
