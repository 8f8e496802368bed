import type { Hono, MiddlewareHandler } from "hono";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { GroupStatus } from "../../vocabulary/admin.js";
import type { Backend } from "./backend.js";

export interface Metrics {
  /** Counts and times requests by their route, so that names of callers make no series of their own. */
  readonly measure: MiddlewareHandler;
  add(app: Hono, backend: Backend): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "troupe_http_requests_total",
    help: "HTTP requests by route and status.",
    labelNames: ["method", "route", "status"],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "troupe_http_request_seconds",
    help: "Time to answer operations and queries.",
    labelNames: ["route"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const group = groupGauges(registry);
  const stale = new Gauge({
    name: "troupe_status_stale",
    help: "1 while the Replication Manager cannot be reached.",
    registers: [registry],
  });

  return {
    measure: async (c, next) => {
      const begin = process.hrtime.bigint();
      await next();
      const route = routeOf(c.req.path);
      requests.inc({ method: c.req.method, route, status: c.res.status });
      if (route === "operations" || route === "queries") seconds.observe({ route }, Number(process.hrtime.bigint() - begin) / 1e9);
    },
    add(app, backend) {
      app.get("/metrics", async (c) => {
        const status = backend.status();
        stale.set(status.stale ? 1 : 0);
        group.set(status.image?.groups ?? []);
        return c.text(await registry.metrics(), 200, { "content-type": registry.contentType });
      });
    },
  };
}

function routeOf(path: string): string {
  return (
    /^\/v1\/groups\/[^/]+\/(operations|queries|sessions|members)/.exec(path)?.[1] ??
    /^\/v1\/(status|events|admin)/.exec(path)?.[1] ??
    "other"
  );
}

function groupGauges(registry: Registry): { set(groups: readonly GroupStatus[]): void } {
  const gauge = (name: string, help: string, labels: string[]) => new Gauge({ name, help, labelNames: labels, registers: [registry] });
  const members = gauge("troupe_group_members", "Members of the view.", ["group"]);
  const wanted = gauge("troupe_group_replicas_wanted", "Replicas that the group shall have.", ["group"]);
  const serving = gauge("troupe_group_serving", "1 while the leader serves.", ["group"]);
  const term = gauge("troupe_group_epoch_term", "First part of the epoch.", ["group"]);
  const counter = gauge("troupe_group_epoch_counter", "Second part of the epoch.", ["group"]);
  const commit = gauge("troupe_replica_commit_index", "Commit index of a replica.", ["group", "replica"]);
  const applied = gauge("troupe_replica_applied_index", "Applied index of a replica.", ["group", "replica"]);
  const replay = gauge("troupe_replica_replay_entries", "Entries that a replica without the state would replay before it serves.", [
    "group",
    "replica",
  ]);
  const executed = gauge("troupe_replica_executed", "Requests executed since the server started.", ["group", "replica"]);
  const all = [members, wanted, serving, term, counter, commit, applied, replay, executed];
  return {
    set(groups) {
      for (const each of all) each.reset();
      for (const group of groups) {
        const label = { group: group.group };
        members.set(label, group.view?.members.length ?? 0);
        wanted.set(label, group.replicasWanted);
        serving.set(label, group.serving ? 1 : 0);
        term.set(label, group.epoch[0]);
        counter.set(label, group.epoch[1]);
        for (const member of group.members) {
          const replica = { ...label, replica: member.replica };
          commit.set(replica, member.commitIndex);
          applied.set(replica, member.appliedIndex);
          replay.set(replica, member.cold?.replayEntries ?? 0);
          executed.set(replica, member.executedCount);
        }
      }
    },
  };
}
