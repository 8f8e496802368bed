import type { Context, Hono } from "hono";
import type { ZodType } from "zod";
import { detectorChangeSchema, groupChangeSchema, lossSchema, problemsOf, settingsChangeSchema } from "../../config/schema.js";
import type { AdminCommand, GroupChange, ReplicaAction, SettingsCommand } from "../../vocabulary/admin.js";
import { groupName, isName, replicaId } from "../../vocabulary/ids.js";
import type { DetectorKnobs } from "../../vocabulary/spec.js";
import type { Backend } from "./backend.js";
import { failure, HttpFailure } from "./failure.js";

const ACTIONS: readonly ReplicaAction[] = ["kill", "pause", "resume", "lead", "remove"];

/** Changes of the running system: handed to the Replication Manager, answered with 202 and the id of the change. */
export function addAdmin(app: Hono, backend: Backend): void {
  app.patch("/v1/admin/groups/:group", async (c) => {
    const change = await bodyOf(c, groupChangeSchema);
    return administer(c, backend, {
      kind: "set-group",
      group: groupName(nameOf(c.req.param("group"))),
      change: withoutGaps<GroupChange>(change),
    });
  });

  app.post("/v1/admin/groups/:group/accept-loss", async (c) => {
    const { epoch } = await bodyOf(c, lossSchema);
    return administer(c, backend, { kind: "accept-loss", group: groupName(nameOf(c.req.param("group"))), epoch });
  });

  app.patch("/v1/admin/detectors/:detector", async (c) => {
    const detector = c.req.param("detector");
    if (detector !== "lfd" && detector !== "gfd")
      throw failure("bad-request", `There is no detector "${detector}"; there are lfd and gfd.`);
    const knobs = await bodyOf(c, detectorChangeSchema);
    return administer(c, backend, { kind: "set-detector", detector, knobs: withoutGaps<Partial<DetectorKnobs>>(knobs) });
  });

  app.patch("/v1/admin/settings", async (c) => {
    const { groups = {}, detectors = {} } = await bodyOf(c, settingsChangeSchema);
    const parts: SettingsCommand[] = Object.entries(groups).map(([group, change]) => ({
      kind: "set-group",
      group: groupName(group),
      change: withoutGaps<GroupChange>(change),
    }));
    for (const detector of ["lfd", "gfd"] as const) {
      const knobs = detectors[detector];
      if (knobs !== undefined) parts.push({ kind: "set-detector", detector, knobs: withoutGaps<Partial<DetectorKnobs>>(knobs) });
    }
    return administer(c, backend, { kind: "set-all", parts });
  });

  app.post("/v1/admin/replicas/:replica/:action", async (c) => {
    const action = ACTIONS.find((each) => each === c.req.param("action"));
    if (action === undefined)
      throw failure("bad-request", `There is no action "${c.req.param("action")}"; there are ${ACTIONS.join(", ")}.`);
    return administer(c, backend, { kind: "replica", replica: replicaId(nameOf(c.req.param("replica"))), action });
  });
}

async function administer(c: Context, backend: Backend, command: AdminCommand): Promise<Response> {
  const outcome = await backend.administer(command);
  if (outcome.kind === "accepted") return c.json({ changeId: outcome.changeId }, 202);
  if (outcome.kind === "unknown") throw failure("timeout", outcome.message);
  const code =
    outcome.httpStatus === 503
      ? "unavailable"
      : outcome.httpStatus === 404
        ? "not-found"
        : outcome.httpStatus === 409
          ? "conflict"
          : "bad-request";
  throw new HttpFailure(code, "not-executed", outcome.httpStatus, outcome.message);
}

function nameOf(text: string): string {
  if (!isName(text)) throw failure("bad-request", `"${text}" is no name: a lower-case letter, then letters, digits and dashes.`);
  return text;
}

async function bodyOf<T>(c: Context, schema: ZodType<T>): Promise<T> {
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch {
    throw failure("bad-request", "The body is not JSON.");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw failure("bad-request", "The body has to be an object.");
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw failure("bad-request", `This change cannot be made: ${problemsOf(parsed.error.issues)}.`);
}

/** Under exactOptionalPropertyTypes absent and undefined differ; over JSON they do not. */
function withoutGaps<T extends object>(value: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
