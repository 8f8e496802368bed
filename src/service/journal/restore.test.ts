import { expect, it } from "vitest";
import { encodeValue } from "../../codec/value.js";
import { SNAPSHOT_FORMAT } from "./capture.js";
import { OBJECT } from "./cell.js";
import { startRestore } from "./restore.js";

function blockOf(value: unknown): Uint8Array {
  const content = encodeValue(value);
  const block = new Uint8Array(4 + content.length);
  new DataView(block.buffer).setUint32(0, content.length);
  block.set(content, 4);
  return block;
}

it.each([-5, -1, 1, Number.NaN])("a record of %d slots is refused at once, where none follow", (slotCount) => {
  const restore = startRestore();
  restore.addSlice(blockOf([SNAPSHOT_FORMAT, 1, 2]));
  expect(() => restore.addSlice(blockOf([OBJECT, 1, 0, slotCount, 0]))).toThrow("a record is cut off");
});
