/** Does what can wait in a later turn of the event loop, in order: what was sent in this turn has left by then. */
export function createAfterwards<Item>(perform: (items: readonly Item[]) => void): (items: readonly Item[]) => void {
  let waiting: Item[] = [];

  function run(): void {
    const items = waiting;
    waiting = [];
    perform(items);
  }

  return (items) => {
    if (items.length === 0) return;
    if (waiting.length === 0) setImmediate(run);
    waiting.push(...items);
  };
}
