import { admitObjectKey } from "./admit.js";
import { type Cell, hasKey, objectKeys, pathOf, valueAt } from "./cell.js";
import { put, remove } from "./change.js";
import { shownTarget } from "./inspection.js";
import { StateRefusal } from "./refusal.js";
import { assertAlive, assertWritable, present, type Scope } from "./scope.js";

/** A handle on an object: behaves like it, journals what is done to it. */
export function objectHandle(scope: Scope, cell: Cell): object {
  return new Proxy(TARGET, new ObjectTraps(scope, cell));
}

/** Nothing is ever put into it: one for all. */
const TARGET = shownTarget({});

/** Traps as a class: one small object a handle, the functions shared. */
class ObjectTraps implements ProxyHandler<object> {
  readonly #scope: Scope;
  readonly #cell: Cell;

  constructor(scope: Scope, cell: Cell) {
    this.#scope = scope;
    this.#cell = cell;
  }

  get(target: object, key: string | symbol, receiver: unknown): unknown {
    assertAlive(this.#scope);
    if (typeof key === "string" && hasKey(this.#cell, key)) return present(this.#scope, valueAt(this.#cell, key), this.#cell);
    return Reflect.get(target, key, receiver);
  }

  set(_target: object, key: string | symbol, value: unknown, receiver: unknown): boolean {
    if (isInherited(this.#scope, this.#cell, receiver)) return Reflect.set({}, key, value, receiver);
    this.#put(key, value);
    return true;
  }

  has(target: object, key: string | symbol): boolean {
    assertAlive(this.#scope);
    return (typeof key === "string" && hasKey(this.#cell, key)) || Reflect.has(target, key);
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    assertWritable(this.#scope);
    if (typeof key === "string") remove(this.#scope, this.#cell, key);
    return true;
  }

  ownKeys(): string[] {
    assertAlive(this.#scope);
    return objectKeys(this.#cell);
  }

  getOwnPropertyDescriptor(_target: object, key: string | symbol): PropertyDescriptor | undefined {
    assertAlive(this.#scope);
    if (typeof key !== "string" || !hasKey(this.#cell, key)) return undefined;
    return { value: present(this.#scope, valueAt(this.#cell, key), this.#cell), writable: true, enumerable: true, configurable: true };
  }

  defineProperty(_target: object, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    assertPlain(this.#scope, this.#cell, descriptor, typeof key === "string" && hasKey(this.#cell, key));
    this.#put(key, descriptor.value);
    return true;
  }

  setPrototypeOf(): boolean {
    throw new StateRefusal("state-fixed", this.#path(), "an object of the state has no other prototype");
  }

  preventExtensions(): boolean {
    throw new StateRefusal("state-fixed", this.#path(), "an object of the state cannot be frozen or sealed");
  }

  #put(key: string | symbol, value: unknown): void {
    assertWritable(this.#scope);
    if (typeof key === "symbol")
      throw new StateRefusal("state-symbol", this.#path(), "a symbol cannot be a key in the state; use a string");
    put(
      this.#scope,
      this.#cell,
      admitObjectKey(key, () => this.#path()),
      value,
    );
  }

  #path(): string {
    return pathOf(this.#cell, this.#scope.journal.root);
  }
}

/** What is assigned to an object that has the handle as its prototype, or around it as a Proxy, is that object's. */
export function isInherited(scope: Scope, cell: Cell, receiver: unknown): boolean {
  assertAlive(scope);
  return scope.handles.get(cell) !== receiver;
}

/** Only plain data properties: no getters, nothing hidden or fixed. A new property is both where its descriptor does not say otherwise. */
export function assertPlain(scope: Scope, cell: Cell, descriptor: PropertyDescriptor, isThere: boolean): void {
  assertWritable(scope);
  const { writable = isThere, enumerable = isThere, configurable = isThere } = descriptor;
  if (!("value" in descriptor) || !writable || !enumerable || !configurable)
    throw new StateRefusal(
      "state-fixed",
      pathOf(cell, scope.journal.root),
      "only plain properties: no getters, nothing read-only or hidden",
    );
}
