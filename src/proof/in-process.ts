import { type ConductOptions, conduct, type Proof, type Workshop } from "./conduct.js";
import { proveSeed } from "./run.js";
import type { Subject } from "./subject.js";
import { outlineOf, runnable } from "./trial-run.js";

/** Runs in this thread, one after the other. */
export function proveHere(subject: Subject, options: ConductOptions): Promise<Proof> {
  const { without } = options;
  const workshop: Workshop = {
    width: 1,
    outline: () => outlineOf(subject, without),
    run: (style, seed, outline) => proveSeed(subject, runnable(subject.newService(), outline, without), { style, seed }),
  };
  return conduct(workshop, options);
}
