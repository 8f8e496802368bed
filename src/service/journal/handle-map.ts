import { type Cell, dictOf, pathOf } from "./cell.js";
import { clear, put, remove } from "./change.js";
import { mapIterator } from "./iterator.js";
import { admitKey } from "./leaf.js";
import { assertAlive, assertWritable, present, type Scope } from "./scope.js";

/** A handle on a Map: a Map to `instanceof`, with everything it does replaced. Frozen, since named properties would be lost. */
export function mapHandle(scope: Scope, cell: Cell): object {
  return Object.freeze(new MapHandle(scope, cell));
}

/** The one entry of the native Map underneath, which `structuredClone` reads: it would take the state for empty, and refuses this. */
const NOT_CLONED = Symbol("a Map of the state: copy it with new Map(it)");

class MapHandle extends Map<unknown, unknown> {
  readonly #scope: Scope;
  readonly #cell: Cell;

  constructor(scope: Scope, cell: Cell) {
    super();
    super.set(NOT_CLONED, null);
    this.#scope = scope;
    this.#cell = cell;
  }

  override get size(): number {
    assertAlive(this.#scope);
    return dictOf(this.#cell).size;
  }

  override get(key: unknown): unknown {
    assertAlive(this.#scope);
    return present(this.#scope, dictOf(this.#cell).get(key as string), this.#cell);
  }

  override has(key: unknown): boolean {
    assertAlive(this.#scope);
    return dictOf(this.#cell).index.has(key as string);
  }

  override set(key: unknown, value: unknown): this {
    assertWritable(this.#scope);
    const admitted = admitKey(key, () => `${pathOf(this.#cell, this.#scope.journal.root)} (key)`);
    put(this.#scope, this.#cell, admitted, value);
    return this;
  }

  override delete(key: unknown): boolean {
    return remove(this.#scope, this.#cell, key as string);
  }

  override clear(): void {
    clear(this.#scope, this.#cell);
  }

  /** The language's newer "upsert" methods, on every Node version. */
  getOrInsert(key: unknown, value: unknown): unknown {
    if (!this.has(key)) this.set(key, value);
    return this.get(key);
  }

  getOrInsertComputed(key: unknown, compute: (key: unknown) => unknown): unknown {
    if (!this.has(key)) this.set(key, compute(key));
    return this.get(key);
  }

  override entries(): MapIterator<[unknown, unknown]> {
    return mapIterator(this.#scope, this.#cell, (dict, place) => [
      dict.keys[place],
      present(this.#scope, dict.values?.[place], this.#cell),
    ]);
  }

  override keys(): MapIterator<unknown> {
    return mapIterator(this.#scope, this.#cell, (dict, place) => dict.keys[place]);
  }

  override values(): MapIterator<unknown> {
    return mapIterator(this.#scope, this.#cell, (dict, place) => present(this.#scope, dict.values?.[place], this.#cell));
  }

  override [Symbol.iterator](): MapIterator<[unknown, unknown]> {
    return this.entries();
  }

  override forEach(visit: (value: unknown, key: unknown, map: Map<unknown, unknown>) => void, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) visit.call(thisArg, value, key, this);
  }
}

// What code that copies or compares Maps asks for.
Object.defineProperty(MapHandle.prototype, "constructor", { value: Map, configurable: true, writable: true });
