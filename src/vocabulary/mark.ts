/**
 * Some errors are told by a mark and not by their class: a program and what it runs (a service's bundle, what the bundle of the commands
 * leaves out) may each have a copy of the class, whose instances are strangers to the other. The mark is the same in all copies.
 */
function markOf(name: string): symbol {
  return Symbol.for(`troupe.${name}`);
}

/** For the constructor of a class of errors. */
export function mark(error: Error, name: string): void {
  Object.defineProperty(error, markOf(name), { value: true });
}

/** The one place that asks. */
export function isMarked(error: unknown, name: string): boolean {
  return error instanceof Error && Reflect.get(error, markOf(name)) === true;
}
