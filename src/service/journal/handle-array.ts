import { type Cell, itemsOf, pathOf, type Value } from "./cell.js";
import { isSame, permute, splice } from "./change.js";
import { assertPlain, isInherited } from "./handle-object.js";
import { shownTarget } from "./inspection.js";
import { StateRefusal } from "./refusal.js";
import { assertAlive, assertWritable, handleOf, present, type Scope } from "./scope.js";

/** A handle on an array. Reading methods are the language's own, run over the traps; changing ones are expressed as splice and permute. */
export function arrayHandle(scope: Scope, cell: Cell): object {
  return new Proxy(TARGET, new ArrayTraps(scope, cell));
}

/** Nothing is ever put into it: one for all. */
const TARGET = shownTarget<unknown[]>([]);

const INDEX = /^(?:0|[1-9]\d{0,9})$/;

function indexOf(key: string | symbol): number | null {
  return typeof key === "string" && INDEX.test(key) ? Number(key) : null;
}

class ArrayTraps implements ProxyHandler<unknown[]> {
  readonly #scope: Scope;
  readonly #cell: Cell;

  constructor(scope: Scope, cell: Cell) {
    this.#scope = scope;
    this.#cell = cell;
  }

  get(target: unknown[], key: string | symbol, receiver: unknown): unknown {
    assertAlive(this.#scope);
    const items = itemsOf(this.#cell);
    if (key === "length") return items.length;
    const index = indexOf(key);
    if (index !== null) return index < items.length ? present(this.#scope, items[index], this.#cell) : undefined;
    if (typeof key === "string" && Object.hasOwn(CHANGING, key)) return this.#changing(key as keyof typeof CHANGING);
    return Reflect.get(target, key, receiver);
  }

  #changing(name: keyof typeof CHANGING): (...given: unknown[]) => unknown {
    return (...given) => CHANGING[name](this.#scope, this.#cell, given);
  }

  set(_target: unknown[], key: string | symbol, value: unknown, receiver: unknown): boolean {
    if (isInherited(this.#scope, this.#cell, receiver)) return Reflect.set({}, key, value, receiver);
    this.#put(key, value);
    return true;
  }

  #put(key: string | symbol, value: unknown): void {
    assertWritable(this.#scope);
    const { length } = itemsOf(this.#cell);
    if (key === "length") {
      this.#truncate(value);
      return;
    }
    const index = indexOf(key);
    if (index === null)
      throw new StateRefusal("state-array-property", `${this.#path()}.${String(key)}`, "an array takes no named properties; use an object");
    if (index > length)
      throw new StateRefusal("state-sparse", `${this.#path()}[${index}]`, `would leave a hole: the array has ${length} items; use push`);
    if (index < length && isSame(itemsOf(this.#cell)[index], value)) return;
    splice(this.#scope, this.#cell, index, index < length ? 1 : 0, [value]);
  }

  #truncate(value: unknown): void {
    const { length } = itemsOf(this.#cell);
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw new RangeError("Invalid array length");
    if (value > length) throw new StateRefusal("state-sparse", `${this.#path()}.length`, "a longer length would leave holes; use push");
    splice(this.#scope, this.#cell, value, length - value, []);
  }

  has(target: unknown[], key: string | symbol): boolean {
    assertAlive(this.#scope);
    const index = indexOf(key);
    return index !== null ? index < itemsOf(this.#cell).length : Reflect.has(target, key);
  }

  deleteProperty(_target: unknown[], key: string | symbol): boolean {
    assertWritable(this.#scope);
    const index = indexOf(key);
    if (index !== null && index < itemsOf(this.#cell).length)
      throw new StateRefusal("state-sparse", `${this.#path()}[${index}]`, "delete would leave a hole; use splice");
    return key !== "length";
  }

  ownKeys(): string[] {
    assertAlive(this.#scope);
    return [...Object.keys(itemsOf(this.#cell)), "length"];
  }

  getOwnPropertyDescriptor(_target: unknown[], key: string | symbol): PropertyDescriptor | undefined {
    assertAlive(this.#scope);
    const items = itemsOf(this.#cell);
    if (key === "length") return { value: items.length, writable: true, enumerable: false, configurable: false };
    const index = indexOf(key);
    if (index === null || index >= items.length) return undefined;
    return { value: present(this.#scope, items[index], this.#cell), writable: true, enumerable: true, configurable: true };
  }

  defineProperty(_target: unknown[], key: string | symbol, descriptor: PropertyDescriptor): boolean {
    const index = indexOf(key);
    if (key !== "length") assertPlain(this.#scope, this.#cell, descriptor, index !== null && index < itemsOf(this.#cell).length);
    this.#put(key, descriptor.value);
    return true;
  }

  setPrototypeOf(): boolean {
    throw new StateRefusal("state-fixed", this.#path(), "an array of the state has no other prototype");
  }

  preventExtensions(): boolean {
    throw new StateRefusal("state-fixed", this.#path(), "an array of the state cannot be frozen or sealed");
  }

  #path(): string {
    return pathOf(this.#cell, this.#scope.journal.root);
  }
}

type Change = (scope: Scope, cell: Cell, given: readonly unknown[]) => unknown;

/** Methods that change the array, with the results that the language gives them. */
const CHANGING = {
  push(scope, cell, given) {
    splice(scope, cell, itemsOf(cell).length, 0, given);
    return itemsOf(cell).length;
  },
  pop: (scope, cell) => take(scope, cell, itemsOf(cell).length - 1),
  shift: (scope, cell) => take(scope, cell, 0),
  unshift(scope, cell, given) {
    splice(scope, cell, 0, 0, given);
    return itemsOf(cell).length;
  },
  splice(scope, cell, given) {
    const { length } = itemsOf(cell);
    const start = relative(given[0], length, 0);
    const deleteCount = given.length === 0 ? 0 : given.length === 1 ? length - start : clamp(toInteger(given[1]), 0, length - start);
    const removed = itemsOf(cell)
      .slice(start, start + deleteCount)
      .map((value) => present(scope, value, cell));
    splice(scope, cell, start, deleteCount, given.slice(2));
    return removed;
  },
  sort(scope, cell, given) {
    const before = [...itemsOf(cell)];
    const order = sortedOrder(scope, cell, before, given[0]);
    const items = itemsOf(cell);
    if (items.length !== before.length || before.some((item, at) => !Object.is(item, items[at])))
      throw new StateRefusal("state-fixed", pathOf(cell, scope.journal.root), "an array that its comparator changes cannot be sorted");
    permute(scope, cell, order);
    return handleOf(scope, cell);
  },
  reverse(scope, cell) {
    const { length } = itemsOf(cell);
    permute(
      scope,
      cell,
      Array.from({ length }, (_, at) => length - 1 - at),
    );
    return handleOf(scope, cell);
  },
  fill(scope, cell, given) {
    const { length } = itemsOf(cell);
    const start = relative(given[1], length, 0);
    const end = Math.max(start, relative(given[2], length, length));
    splice(scope, cell, start, end - start, new Array(end - start).fill(given[0]));
    return handleOf(scope, cell);
  },
  copyWithin(scope, cell, given) {
    const items = itemsOf(cell);
    const target = relative(given[0], items.length, 0);
    const start = relative(given[1], items.length, 0);
    const end = Math.max(start, relative(given[2], items.length, items.length));
    const copied = items.slice(start, Math.min(end, start + items.length - target)).map((value) => present(scope, value, cell));
    splice(scope, cell, target, copied.length, copied);
    return handleOf(scope, cell);
  },
} as const satisfies Record<string, Change>;

function take(scope: Scope, cell: Cell, index: number): unknown {
  assertWritable(scope);
  const items = itemsOf(cell);
  if (items.length === 0) return undefined;
  const taken = present(scope, items[index], cell);
  splice(scope, cell, index, 1, []);
  return taken;
}

/** Sorts places, with the language's own rules: undefined last, stable, by text without a comparator. */
function sortedOrder(scope: Scope, cell: Cell, items: readonly Value[], comparator: unknown): number[] {
  assertWritable(scope);
  if (comparator !== undefined && typeof comparator !== "function")
    throw new TypeError("The comparison function must be either a function or undefined");
  const shown = items.map((value) => present(scope, value, cell));
  const places = shown.map((_, at) => at);
  const last = places.filter((at) => shown[at] === undefined);
  const first = places.filter((at) => shown[at] !== undefined);
  first.sort((a, b) =>
    comparator === undefined ? compareTexts(String(shown[a]), String(shown[b])) : Number(comparator(shown[a], shown[b])),
  );
  assertWritable(scope);
  return [...first, ...last];
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function toInteger(value: unknown): number {
  const number = Math.trunc(Number(value));
  return Number.isNaN(number) ? 0 : number;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** An index as array methods take it: negative from the end. */
function relative(value: unknown, length: number, absent: number): number {
  if (value === undefined) return absent;
  const integer = toInteger(value);
  return integer < 0 ? Math.max(length + integer, 0) : Math.min(integer, length);
}
