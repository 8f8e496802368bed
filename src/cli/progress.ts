/** `12.3 MB`: decimal, as disks are sold. */
export function sizeText(sizeBytes: number): string {
  if (sizeBytes < 1_000) return `${sizeBytes} bytes`;
  if (sizeBytes < 1_000_000) return `${(sizeBytes / 1_000).toFixed(1)} kB`;
  return `${(sizeBytes / 1_000_000).toFixed(1)} MB`;
}

const TELL_EVERY_MS = 1_000;

/** Says on stderr how far something is: at its beginning, then once a second, and at its end. */
export function createProgress(what: string): (doneBytes: number, sizeBytes: number) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (doneBytes, sizeBytes) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < TELL_EVERY_MS && doneBytes < sizeBytes) return;
    toldMs = nowMs;
    const percent = sizeBytes === 0 ? 100 : Math.floor((100 * doneBytes) / sizeBytes);
    process.stderr.write(`${what}: ${sizeText(doneBytes)} of ${sizeText(sizeBytes)} (${percent} %)\n`);
  };
}

/** Says a line unless it is what was said last: what is tried again several times a second fails for the same reason. */
export function createSayer(say: (line: string) => void): (line: string) => void {
  let last: string | null = null;
  return (line) => {
    if (line === last) return;
    last = line;
    say(line);
  };
}
