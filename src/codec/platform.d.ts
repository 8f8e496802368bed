/** The one thing of Node that the codec uses, declared here so that pure code that imports the codec compiles without Node's types. */
declare module "node:zlib" {
  export function crc32(data: Uint8Array | string, value?: number): number;
}
