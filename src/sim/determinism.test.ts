import { expect, test } from "vitest";
import { runSeed } from "./run.js";

test("the same seed is the same run, to the line", { timeout: 240_000 }, async () => {
  for (const seed of [3, 17, 40]) {
    const lines: string[] = [];
    const first = await runSeed(seed, { print: (line) => lines.push(line) });
    let at = 0;
    let differs: string | null = null;
    const second = await runSeed(seed, {
      print(line) {
        if (differs === null && line !== lines[at]) differs = line;
        at += 1;
      },
    });
    expect(differs, `seed ${seed}`).toBeNull();
    expect(second.digest).toBe(first.digest);
    expect(at).toBe(lines.length);
  }
});

test("another seed is another run", async () => {
  expect((await runSeed(3)).digest).not.toBe((await runSeed(4)).digest);
});
