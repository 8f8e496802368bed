/** A first-in-first-out queue as plain data: no shifting of a long array, memory given back as it empties. */
export interface Fifo<T> {
  items: (T | undefined)[];
  head: number;
}

export function createFifo<T>(): Fifo<T> {
  return { items: [], head: 0 };
}

export function fifoSize<T>(fifo: Fifo<T>): number {
  return fifo.items.length - fifo.head;
}

export function push<T>(fifo: Fifo<T>, item: T): void {
  fifo.items.push(item);
}

/** The oldest, or undefined when empty. */
export function peek<T>(fifo: Fifo<T>): T | undefined {
  return fifo.items[fifo.head];
}

/** The oldest but `offset`. */
export function peekAt<T>(fifo: Fifo<T>, offset: number): T | undefined {
  return fifo.items[fifo.head + offset];
}

export function shift<T>(fifo: Fifo<T>): T | undefined {
  const item = fifo.items[fifo.head];
  if (fifo.head < fifo.items.length) {
    fifo.items[fifo.head] = undefined;
    fifo.head++;
  }
  if (fifo.head === fifo.items.length) {
    fifo.items.length = 0;
    fifo.head = 0;
  } else if (fifo.head > 1024 && fifo.head * 2 > fifo.items.length) {
    fifo.items = fifo.items.slice(fifo.head);
    fifo.head = 0;
  }
  return item;
}

export function clear<T>(fifo: Fifo<T>): void {
  fifo.items.length = 0;
  fifo.head = 0;
}
