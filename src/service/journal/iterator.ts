import { type Cell, dictOf, type Value } from "./cell.js";
import { type Dict, Walk } from "./dict.js";
import { assertAlive, type Scope } from "./scope.js";

const MAP_ITERATOR: object = Object.getPrototypeOf(new Map().entries());
const SET_ITERATOR: object = Object.getPrototypeOf(new Set().values());

/** No generator: the language's iterators over Maps and Sets go on where they stood when a loop over them was left. */
class DictIterator<T> {
  readonly #scope: Scope;
  readonly #dict: Dict<Value>;
  readonly #walk: Walk<Value>;
  readonly #read: (dict: Dict<Value>, place: number) => T;

  constructor(scope: Scope, cell: Cell, read: (dict: Dict<Value>, place: number) => T) {
    assertAlive(scope);
    this.#scope = scope;
    this.#dict = dictOf(cell);
    this.#walk = new Walk(this.#dict);
    this.#read = read;
  }

  next(): IteratorResult<T, undefined> {
    assertAlive(this.#scope);
    const place = this.#walk.next();
    return place < 0 ? { value: undefined, done: true } : { value: this.#read(this.#dict, place), done: false };
  }
}

class OfMap<T> extends DictIterator<T> {}
class OfSet<T> extends DictIterator<T> {}
// With all that such iterators have in this Node version (`map`, `take`, ...).
Object.setPrototypeOf(OfMap.prototype, Object.create(MAP_ITERATOR, { next: { value: DictIterator.prototype.next } }));
Object.setPrototypeOf(OfSet.prototype, Object.create(SET_ITERATOR, { next: { value: DictIterator.prototype.next } }));

export function mapIterator<T>(scope: Scope, cell: Cell, read: (dict: Dict<Value>, place: number) => T): MapIterator<T> {
  return new OfMap(scope, cell, read) as unknown as MapIterator<T>;
}

export function setIterator<T>(scope: Scope, cell: Cell, read: (dict: Dict<Value>, place: number) => T): SetIterator<T> {
  return new OfSet(scope, cell, read) as unknown as SetIterator<T>;
}
