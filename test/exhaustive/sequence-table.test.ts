import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { createSequenceTable, intern, sequenceAt } from "../../src/explore/sequence-table.js";

test.prop([fc.array(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 4 }), { maxLength: 3_000 })])(
  "equal sequences get one number, others another",
  (sequences) => {
    const table = createSequenceTable();
    const numbers = new Map<string, number>();
    for (const sequence of sequences) {
      const number = intern(table, sequence);
      const known = numbers.get(sequence.join());
      expect(number).toBe(known ?? numbers.size);
      numbers.set(sequence.join(), number);
      expect([...sequenceAt(table, number)]).toEqual(sequence);
    }
    expect(table.count).toBe(numbers.size);
  },
);
