// A process that holds a Map of so many entries and changes them, and has nothing of Troupe: what it stalls, any process with such a state does.
//   node bare-map.mjs ENTRIES SIZE_BYTES
// "filled" on stdout, once it is; from a line on stdin on, it makes such garbage as lets V8 collect the whole heap now and then.
const [entries = 0, sizeBytes = 0] = process.argv.slice(2).map(Number);
const FILL_AT_ONCE = 1_000;
const PUTS_AT_ONCE = 2;
const PAUSE_MS = 5;
const PIECE_SIZE_BYTES = 256 * 1024;
/** Held so long that they are old when they are let go of: 64 MB of that is what V8 collects all for. */
const PIECES_HELD = 160;

const pause = (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs));
/** From bytes, as values come from a socket. */
const textOf = (number) => Buffer.from(String(number).padStart(sizeBytes, "v")).toString("latin1");

const map = new Map();
for (let number = 0; number < entries; number += 1) {
  map.set(`key-${number}`, textOf(number));
  if (number % FILL_AT_ONCE === 0) await pause(0);
}
let makesGarbage = false;
process.stdin.once("data", () => {
  makesGarbage = true;
});
process.stdout.write("filled\n");
const held = [];
for (let at = 0; ; at += PUTS_AT_ONCE) {
  for (let put = at; put < at + PUTS_AT_ONCE; put += 1) {
    const number = (put * 7_919) % entries;
    map.set(`key-${number}`, textOf(number + 1));
  }
  if (makesGarbage && held.push(new Uint8Array(PIECE_SIZE_BYTES)) > PIECES_HELD) held.shift();
  await pause(PAUSE_MS);
}
