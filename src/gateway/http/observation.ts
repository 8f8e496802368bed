import type { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { EVENTS_ALL_TOLD, type TroupeEvent } from "../../vocabulary/admin.js";
import type { Backend } from "./backend.js";
import { failure } from "./failure.js";
import { groupOf } from "./work.js";

/** Watchers at once; each holds a socket open. */
const WATCHERS_MAX = 256;
/** Events that a slow watcher may be behind, besides those that it began with, before it is let go; it comes back with Last-Event-ID. */
const BEHIND_MAX = 2_000;
/** One that has not taken the last ping by the next one does not read. */
const PING_MS = 15_000;

/** What the system looks like, and what happens in it. */
export function addObservation(app: Hono, backend: Backend): void {
  // For whoever supervises this process: the loop that answers is the one that does the work.
  app.get("/healthz", (c) => c.json({ ok: true }));

  app.get("/v1/status", (c) => {
    const { image, stale } = backend.status();
    if (image === null) return c.json({ stale: true, groups: [], hosts: [], components: [] });
    // Where members listen is discovery's to tell.
    const groups = image.groups.map(({ view: _view, book: _book, ...group }) => group);
    return c.json({
      stale,
      term: image.term,
      version: image.version,
      groups,
      hosts: image.hosts,
      detectors: image.detectors,
      components: image.components,
    });
  });

  app.get("/v1/groups/:group/members", (c) => {
    const name = c.req.param("group");
    const group = groupOf(backend, name);
    const { view, book } = group.members();
    return c.json({
      clusterId: backend.clusterId,
      group: name,
      view,
      book,
      operations: [...(group.operations ?? [])],
      queries: [...(group.queries ?? [])],
    });
  });

  let watchers = 0;
  app.get("/v1/events", (c) => {
    // Answered with the head of what GET gets: the stream behind it nobody would read, and it would hold a place for half a minute.
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    if (watchers >= WATCHERS_MAX) throw failure("overloaded", `${watchers} watchers follow the events already.`);
    const after = afterOf(c.req.header("last-event-id"), "Last-Event-ID") ?? afterOf(c.req.query("after"), "after") ?? 0;
    watchers += 1;
    return streamSSE(c, async (stream) => {
      const queue: TroupeEvent[] = [...backend.eventsAfter(after)];
      const most = queue.length + BEHIND_MAX;
      let isNew = backend.eventsAfter(0).length === 0;
      let isAllTold = false;
      let wake = () => {};
      let isOver = false;
      const stop = backend.onEvents((events) => {
        // A gateway that has just begun is told all that has happened first: what this watcher had of it before is not said again.
        queue.push(...(isNew ? unseen(events, after) : events));
        isNew = false;
        // Ends also a write that waits for a watcher who does not read.
        if (queue.length > most) stream.abort();
        wake();
      });
      let isPingUnread = false;
      const ping = setInterval(() => {
        if (isPingUnread) return stream.abort();
        isPingUnread = true;
        void stream.write(": still here\n\n").then(() => {
          isPingUnread = false;
        });
      }, PING_MS);
      stream.onAbort(() => {
        isOver = true;
        wake();
      });
      try {
        await stream.write(": events\n\n");
        while (!isOver) {
          const event = queue.shift();
          if (event !== undefined) await stream.writeSSE({ id: String(event.id), event: event.kind, data: JSON.stringify(event) });
          else if (!isNew && !isAllTold) {
            isAllTold = true;
            await stream.write(`${EVENTS_ALL_TOLD}\n\n`);
          } else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        watchers -= 1;
        clearInterval(ping);
        stop();
      }
    });
  });
}

/** Where none of them is that late, the watcher's id is one of another history. */
function unseen(history: readonly TroupeEvent[], after: number): readonly TroupeEvent[] {
  return (history.at(-1)?.id ?? 0) < after ? history : history.filter((event) => event.id > after);
}

/** Anything else taken for nothing would send the whole history to somebody who believes to be further. */
function afterOf(text: string | undefined, name: string): number | null {
  if (text === undefined || text === "") return null;
  if (!/^\d{1,15}$/.test(text)) throw failure("bad-request", `${name} has to be the id of an event, a whole number, not "${text}".`);
  return Number(text);
}
