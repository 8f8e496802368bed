// All of msgpackr that code below the cores may see: its own types would bring Node's globals along (see tsconfig.core.json).
export interface Options {
  structuredClone?: boolean;
  sequential?: boolean;
  moreTypes?: boolean;
  useRecords?: boolean;
  useToJSON?: boolean;
  mapsAsObjects?: boolean;
  variableMapSize?: boolean;
  copyBuffers?: boolean;
  int64AsType?: "bigint" | "number" | "string" | "auto";
  largeBigIntToFloat?: boolean;
  largeBigIntToString?: boolean;
  useBigIntExtension?: boolean;
  bundleStrings?: boolean;
  writeFunction?: () => never;
  maxSharedStructures?: number;
  maxOwnStructures?: number;
  encodeUndefinedAsNil?: boolean;
}

/** False where its native part could not be installed. */
export const isNativeAccelerationEnabled: boolean;

export class Unpackr {
  constructor(options?: Options);
  unpack(bytes: Uint8Array, options?: { start?: number; end?: number; lazy?: boolean }): unknown;
  decode(bytes: Uint8Array): unknown;
  unpackMultiple(bytes: Uint8Array): unknown[] | undefined;
}

export class Packr extends Unpackr {
  /** Where in its memory the next value goes. */
  position: number;
  pack(value: unknown): Uint8Array;
  encode(value: unknown): Uint8Array;
}

export function pack(value: unknown): Uint8Array;
export function unpack(bytes: Uint8Array): unknown;
