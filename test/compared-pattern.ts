import { expect } from "vitest";

// `toMatchObject({ message: /words/ })` holds for every text: an expression has no keys of its own that could differ. Such a test cannot fail.
expect.addEqualityTesters([
  (actual, wanted) => {
    if (wanted instanceof RegExp && !(actual instanceof RegExp))
      throw new Error(`${String(wanted)} would match anything here: write expect.stringMatching(${String(wanted)})`);
    return undefined;
  },
]);
