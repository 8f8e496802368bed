import { LIMITS } from "../../vocabulary/limit.js";
import { ServiceRefusal } from "../refuse.js";
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
  return copyValue(value, "result", 0, startRoom(LIMITS.payloadSizeBytesMax));
}

/**
 * What may still come out. A copy is a tree: an object that is met again is copied again, and a client's input of 300 bytes whose every object
 * holds the next one twice would, given back by a handler, keep each replica busy for ever, one after the other.
 */
interface Room {
  leftBytes: number;
  /** Values in objects that were met before. Copying takes time long before it takes the bytes of a payload. */
  leftRepeats: number;
  /** How many of the objects that are being copied were met before. */
  repeating: number;
  /** Null where no object was met: most results are a number or a text. */
  met: Set<object> | null;
}

const REPEATED_VALUES_MAX = 100_000;

function startRoom(leftBytes: number): Room {
  return { leftBytes, leftRepeats: REPEATED_VALUES_MAX, repeating: 0, met: null };
}

/** Encoded, a value takes no less than is counted here, so that nothing is refused that could be sent. */
function take(room: Room, leaf: unknown): void {
  room.leftBytes -= 1;
  if (typeof leaf === "string" || leaf instanceof Uint8Array) room.leftBytes -= leaf.length;
  else if (typeof leaf === "bigint") room.leftBytes -= leaf.toString(16).length >> 1;
  if (room.leftBytes < 0)
    throw new ServiceRefusal("too-large", `the result has more than ${LIMITS.payloadSizeBytesMax} bytes, the most that can be sent`);
  if (room.repeating === 0) return;
  room.leftRepeats -= 1;
  if (room.leftRepeats < 0)
    throw new ServiceRefusal(
      "too-large",
      `the result holds the same objects again and again, with more than ${REPEATED_VALUES_MAX} values`,
    );
}

function copyValue(value: unknown, path: string, depth: number, room: Room): unknown {
  const leaf = admitLeaf(value, () => path);
  take(room, leaf);
  if (leaf !== NOT_A_LEAF) return leaf;
  if (depth > DEPTH_MAX) throw new StateRefusal("state-too-deep", "result", `nested deeper than ${DEPTH_MAX}, or refers to itself`);
  const source = value as object;
  const reference = referenceOf(source);
  if (reference !== undefined) {
    assertAlive(reference.scope);
    return plainCopy(reference.cell, depth, room);
  }
  room.met ??= new Set();
  const isMetAgain = room.met.has(source);
  room.met.add(source);
  if (isMetAgain) room.repeating += 1;
  const copy = copyContainer(source, path, depth + 1, room);
  if (isMetAgain) room.repeating -= 1;
  return copy;
}

function copyContainer(source: object, path: string, depth: number, room: Room): unknown {
  if (Array.isArray(source)) {
    if (Object.keys(source).length > source.length)
      throw new StateRefusal(
        "state-array-property",
        path,
        "an array with named properties, such as the match of a pattern; return [...it], or an object",
      );
    // Array.from reads a hole as undefined.
    return Array.from(source, (item, at) => copyValue(item, `${path}[${at}]`, depth, room));
  }
  const prototype: unknown = Object.getPrototypeOf(source);
  if (prototype === Map.prototype)
    return new Map(
      [...(source as Map<unknown, unknown>)].map(([key, value]) => [
        copyKey(key, `${path} (key)`, room),
        copyValue(value, `${path}.get(...)`, depth, room),
      ]),
    );
  if (prototype === Set.prototype) return new Set([...(source as Set<unknown>)].map((member) => copyKey(member, `${path} (member)`, room)));
  if (prototype !== Object.prototype && prototype !== null)
    throw new StateRefusal("state-class-instance", path, "an instance of a class; return plain data");
  return copyObject(source, path, depth, room);
}

function copyKey(value: unknown, path: string, room: Room): unknown {
  const key = admitKey(value, () => path);
  take(room, key);
  return key;
}

function copyObject(source: object, path: string, depth: number, room: Room): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source)) {
    copy[admitObjectKey(key, () => path)] = copyValue(value, `${path}.${key}`, depth, room);
  }
  return copy;
}

/** A container and all below it as plain data. */
export function plainCopy(cell: Cell, depth = 0, room: Room = startRoom(Number.POSITIVE_INFINITY)): unknown {
  if (depth > DEPTH_MAX) throw new StateRefusal("state-too-deep", "result", `nested deeper than ${DEPTH_MAX}`);
  const show = (value: Value): unknown => {
    take(room, value);
    return value instanceof Cell ? plainCopy(value, depth + 1, room) : leafOut(value as Leaf);
  };
  const { data } = cell;
  if (Array.isArray(data)) return data.map(show);
  if (!(data instanceof Dict)) return Object.fromEntries(objectKeys(cell).map((key) => [key, show(data[key])]));
  if (data.values === null) return new Set(data.keys.filter((key) => key !== HOLE));
  const { values } = data;
  const entries = data.keys.flatMap((key, place) => (key === HOLE ? [] : [[key, show(values[place])] as const]));
  return cell.kind === 0 ? Object.fromEntries(entries as [string, unknown][]) : new Map(entries);
}
