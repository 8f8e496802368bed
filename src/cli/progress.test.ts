import { expect, it } from "vitest";
import { createSayer } from "./progress.js";

it("what is tried again for the same reason is said once", () => {
  const said: string[] = [];
  const say = createSayer((line) => said.push(line));
  for (const line of ["a", "a", "b", "b", "b", "a"]) say(line);
  expect(said).toEqual(["a", "b", "a"]);
});
