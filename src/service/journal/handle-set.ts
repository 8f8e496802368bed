import { type Cell, dictOf, pathOf } from "./cell.js";
import { clear, put, remove } from "./change.js";
import { setIterator } from "./iterator.js";
import { admitKey } from "./leaf.js";
import { assertAlive, assertWritable, type Scope } from "./scope.js";

/** A handle on a Set: a Set to `instanceof`, with everything it does replaced. */
export function setHandle(scope: Scope, cell: Cell): object {
  return Object.freeze(new SetHandle(scope, cell));
}

/** The one member of the native Set underneath, which `structuredClone` reads: it would take the state for empty, and refuses this. */
const NOT_CLONED = Symbol("a Set of the state: copy it with new Set(it)");

class SetHandle extends Set<unknown> {
  readonly #scope: Scope;
  readonly #cell: Cell;

  constructor(scope: Scope, cell: Cell) {
    super();
    super.add(NOT_CLONED);
    this.#scope = scope;
    this.#cell = cell;
  }

  override get size(): number {
    assertAlive(this.#scope);
    return dictOf(this.#cell).size;
  }

  override has(member: unknown): boolean {
    assertAlive(this.#scope);
    return dictOf(this.#cell).index.has(member as string);
  }

  override add(member: unknown): this {
    assertWritable(this.#scope);
    const admitted = admitKey(member, () => `${pathOf(this.#cell, this.#scope.journal.root)} (member)`);
    put(this.#scope, this.#cell, admitted, undefined);
    return this;
  }

  override delete(member: unknown): boolean {
    return remove(this.#scope, this.#cell, member as string);
  }

  override clear(): void {
    clear(this.#scope, this.#cell);
  }

  override values(): SetIterator<unknown> {
    return setIterator(this.#scope, this.#cell, (dict, place) => dict.keys[place]);
  }

  override keys(): SetIterator<unknown> {
    return this.values();
  }

  override entries(): SetIterator<[unknown, unknown]> {
    return setIterator(this.#scope, this.#cell, (dict, place) => [dict.keys[place], dict.keys[place]]);
  }

  override [Symbol.iterator](): SetIterator<unknown> {
    return this.values();
  }

  override forEach(visit: (value: unknown, member: unknown, set: Set<unknown>) => void, thisArg?: unknown): void {
    for (const member of this.values()) visit.call(thisArg, member, member, this);
  }

  // Set algebra (from Node 22 on) would read the native slots, which are empty: it works on a copy.
  union(other: unknown): unknown {
    return this.#algebra("union", other);
  }
  intersection(other: unknown): unknown {
    return this.#algebra("intersection", other);
  }
  difference(other: unknown): unknown {
    return this.#algebra("difference", other);
  }
  symmetricDifference(other: unknown): unknown {
    return this.#algebra("symmetricDifference", other);
  }
  isSubsetOf(other: unknown): unknown {
    return this.#algebra("isSubsetOf", other);
  }
  isSupersetOf(other: unknown): unknown {
    return this.#algebra("isSupersetOf", other);
  }
  isDisjointFrom(other: unknown): unknown {
    return this.#algebra("isDisjointFrom", other);
  }

  #algebra(name: string, other: unknown): unknown {
    const copy = new Set(this.values());
    const method: unknown = Reflect.get(copy, name);
    if (typeof method !== "function") throw new TypeError(`Set.prototype.${name} is not in this Node version`);
    return Reflect.apply(method, copy, [other]);
  }
}

// What code that copies or compares Sets asks for.
Object.defineProperty(SetHandle.prototype, "constructor", { value: Set, configurable: true, writable: true });
