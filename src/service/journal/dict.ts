import type { Key } from "./leaf.js";

/** Marks the place of a removed entry. */
export const HOLE = Symbol("hole");

const COMPACTION_HOLES_MIN = 32;

/**
 * An ordered dictionary whose entries have places: an entry is appended, a removed one leaves a hole, and an undo puts it back into its
 * hole in constant time, so that iteration order comes back exactly. Under Maps, Sets and large objects. Holes are closed only while no
 * undo record knows of places (`pins`). The arrays are never cut or moved in place otherwise, so a snapshot may read them by place.
 */
export class Dict<V> {
  keys: (Key | typeof HOLE)[] = [];
  /** Null for a Set. */
  values: (V | undefined)[] | null;
  index = new Map<Key, number>();
  holes = 0;
  /** Undo records outstanding on this dictionary, counted by scope. */
  pins = 0;

  constructor(withValues: boolean) {
    this.values = withValues ? [] : null;
  }

  get size(): number {
    return this.index.size;
  }

  get(key: Key): V | undefined {
    const place = this.index.get(key);
    return place === undefined ? undefined : this.values?.[place];
  }

  append(key: Key, value: V | undefined): void {
    this.index.set(key, this.keys.length);
    this.keys.push(key);
    this.values?.push(value);
  }

  replace(place: number, value: V | undefined): void {
    if (this.values !== null) this.values[place] = value;
  }

  /** Leaves a hole, and says where. */
  remove(key: Key): number {
    const place = this.index.get(key) ?? -1;
    this.index.delete(key);
    this.keys[place] = HOLE;
    if (this.values !== null) this.values[place] = undefined;
    this.holes += 1;
    return place;
  }

  /** Undo of `remove`. */
  fill(place: number, key: Key, value: V | undefined): void {
    this.keys[place] = key;
    if (this.values !== null) this.values[place] = value;
    this.index.set(key, place);
    this.holes -= 1;
  }

  /** Undo of `append`: of the last entry, except for integer-like keys of an object that has grown, whose place means nothing. */
  unappend(key: Key): void {
    const place = this.index.get(key);
    // The stack ran out before it was appended.
    if (place === undefined) return;
    if (place !== this.keys.length - 1) {
      this.remove(key);
      return;
    }
    this.index.delete(key);
    this.keys.pop();
    this.values?.pop();
  }

  /** Empties it, and gives what undoes that. The old arrays are left as they are. */
  clear(): () => void {
    const { keys, values, index, holes } = this;
    this.reset();
    return () => {
      this.keys = keys;
      this.values = values;
      this.index = index;
      this.holes = holes;
    };
  }

  private reset(): void {
    this.keys = [];
    if (this.values !== null) this.values = [];
    this.index = new Map();
    this.holes = 0;
  }

  /** Mostly holes, and nothing refers to places. */
  isWasteful(): boolean {
    return this.pins === 0 && this.holes >= COMPACTION_HOLES_MIN && this.holes > this.index.size;
  }

  /** Closes the holes, into new arrays. */
  compact(): void {
    const { keys, values } = this;
    this.reset();
    for (const [place, key] of keys.entries()) if (key !== HOLE) this.append(key, values?.[place]);
  }
}

/** Goes through the entries in order; those appended meanwhile are met, those removed are not, as with a native Map. */
export class Walk<V> {
  readonly #dict: Dict<V>;
  #keys: Dict<V>["keys"];
  #place = -1;
  #isOver = false;

  constructor(dict: Dict<V>) {
    this.#dict = dict;
    this.#keys = dict.keys;
  }

  /** The place of the next entry, or -1: then none comes any more. */
  next(): number {
    const { keys } = this.#dict;
    if (this.#keys !== keys) {
      // Cleared meanwhile: what is there now was added since.
      this.#keys = keys;
      this.#place = -1;
    }
    if (this.#isOver) return -1;
    do this.#place += 1;
    while (this.#place < keys.length && keys[this.#place] === HOLE);
    this.#isOver = this.#place >= keys.length;
    return this.#isOver ? -1 : this.#place;
  }
}
