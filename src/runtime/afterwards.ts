/**
 * Does what can wait in a later turn of the event loop, in order: what was sent in this turn has left by then. With `delayMs`, so much later,
 * with all that has come meanwhile.
 */
export function createAfterwards<Item>(perform: (items: readonly Item[]) => void, delayMs = 0): (items: readonly Item[]) => void {
  let waiting: Item[] = [];

  function run(): void {
    const items = waiting;
    waiting = [];
    perform(items);
  }

  return (items) => {
    if (items.length === 0) return;
    if (waiting.length === 0) {
      if (delayMs === 0) setImmediate(run);
      else setTimeout(run, delayMs);
    }
    waiting.push(...items);
  };
}
