import { admitObjectKey, DEPTH_MAX } from "./admit.js";
import { Cell, objectKeys, type Value } from "./cell.js";
import { Dict, HOLE } from "./dict.js";
import { admitKey, admitLeaf, type Leaf, leafOut, NOT_A_LEAF } from "./leaf.js";
import { StateRefusal } from "./refusal.js";
import { assertAlive, referenceOf } from "./scope.js";

/**
 * A deep, plain copy of what a handler returns, handles resolved: nothing of the state gets out, and nothing that the codec would
 * garble. Keys of Maps in results have to be primitives, as in the state.
 */
export function copyOut(value: unknown): unknown {
  return copyValue(value, "result", 0);
}

function copyValue(value: unknown, path: string, depth: number): unknown {
  const leaf = admitLeaf(value, () => path);
  if (leaf !== NOT_A_LEAF) return leaf;
  if (depth > DEPTH_MAX) throw new StateRefusal("state-too-deep", "result", `nested deeper than ${DEPTH_MAX}, or refers to itself`);
  const source = value as object;
  const reference = referenceOf(source);
  if (reference !== undefined) {
    assertAlive(reference.scope);
    return plainCopy(reference.cell, depth);
  }
  return copyContainer(source, path, depth + 1);
}

function copyContainer(source: object, path: string, depth: number): unknown {
  // Array.from reads a hole as undefined.
  if (Array.isArray(source)) return Array.from(source, (item, at) => copyValue(item, `${path}[${at}]`, depth));
  const prototype: unknown = Object.getPrototypeOf(source);
  if (prototype === Map.prototype)
    return new Map(
      [...(source as Map<unknown, unknown>)].map(([key, value]) => [
        admitKey(key, () => `${path} (key)`),
        copyValue(value, `${path}.get(...)`, depth),
      ]),
    );
  if (prototype === Set.prototype)
    return new Set([...(source as Set<unknown>)].map((member) => admitKey(member, () => `${path} (member)`)));
  if (prototype !== Object.prototype && prototype !== null)
    throw new StateRefusal("state-class-instance", path, "an instance of a class; return plain data");
  return copyObject(source, path, depth);
}

function copyObject(source: object, path: string, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source)) {
    copy[admitObjectKey(key, () => path)] = copyValue(value, `${path}.${key}`, depth);
  }
  return copy;
}

/** A container and all below it as plain data. */
export function plainCopy(cell: Cell, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new StateRefusal("state-too-deep", "result", `nested deeper than ${DEPTH_MAX}`);
  const show = (value: Value): unknown => (value instanceof Cell ? plainCopy(value, depth + 1) : leafOut(value as Leaf));
  const { data } = cell;
  if (Array.isArray(data)) return data.map(show);
  if (!(data instanceof Dict)) return Object.fromEntries(objectKeys(cell).map((key) => [key, show(data[key])]));
  if (data.values === null) return new Set(data.keys.filter((key) => key !== HOLE));
  const { values } = data;
  const entries = data.keys.flatMap((key, place) => (key === HOLE ? [] : [[key, show(values[place])] as const]));
  return cell.kind === 0 ? Object.fromEntries(entries as [string, unknown][]) : new Map(entries);
}
