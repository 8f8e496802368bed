export interface Appointment {
  cancel(): void;
}

/** Something that is to happen. Of two at the same time the smaller `tie` comes first: ties are drawn by chance. A class, so that a run's many tasks carry no closure each. */
class Task implements Appointment {
  readonly atMs: number;
  readonly tie: number;
  readonly number: number;
  action: (() => void) | null;

  constructor(atMs: number, tie: number, number: number, action: () => void) {
    this.atMs = atMs;
    this.tie = tie;
    this.number = number;
    this.action = action;
  }

  cancel(): void {
    this.action = null;
  }
}

/** What is to happen in virtual time, ordered by (time, tie, sequence): a binary heap. */
export interface Agenda {
  add(atMs: number, tie: number, action: () => void): Appointment;
  /** The time of the next task; Infinity when there is none. */
  nextMs(): number;
  take(): { readonly atMs: number; readonly action: () => void } | null;
}

export function createAgenda(): Agenda {
  const heap: Task[] = [];
  let count = 0;

  function isBefore(a: Task, b: Task): boolean {
    if (a.atMs !== b.atMs) return a.atMs < b.atMs;
    return a.tie !== b.tie ? a.tie < b.tie : a.number < b.number;
  }

  function rise(from: number): void {
    let at = from;
    const task = heap[at];
    while (at > 0 && task !== undefined) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(task, parent)) break;
      heap[at] = parent;
      at = up;
    }
    if (task !== undefined) heap[at] = task;
  }

  function sink(task: Task): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let least = heap[child];
      if (least === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, least)) {
        least = right;
        child += 1;
      }
      if (!isBefore(least, task)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = task;
  }

  function pop(): Task | null {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length > 0) sink(last);
    return first;
  }

  function dropCancelled(): void {
    while (heap[0] !== undefined && heap[0].action === null) pop();
  }

  return {
    add(atMs, tie, action) {
      const task = new Task(atMs, tie, count++, action);
      heap.push(task);
      rise(heap.length - 1);
      return task;
    },
    nextMs() {
      dropCancelled();
      return heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
    },
    take() {
      dropCancelled();
      const task = pop();
      return task === null || task.action === null ? null : { atMs: task.atMs, action: task.action };
    },
  };
}
