import { expect, test } from "vitest";
import { STYLES } from "../../vocabulary/style.js";
import { rehearse } from "./rehearsal.js";

test.each(STYLES)("a rehearsal in style %s goes through a failover to the answers of the new leader", (style) => {
  // Three times: one answer of the first leader, the same one again from the second, and a new one.
  expect(rehearse(style)).toBe(9);
});
