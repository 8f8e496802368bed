import type { MiddlewareHandler } from "hono";
import { failure } from "./failure.js";

export interface OwnNames {
  /** Host names (without port) under which this gateway may be addressed at the moment. */
  hosts(): ReadonlySet<string>;
}

const WRITES: ReadonlySet<string> = new Set(["POST", "PATCH"]);

/**
 * Nobody is asked who they are, so that a page in somebody's browser must not reach this port: not through a name that leads here
 * (DNS rebinding: `Host` is one of ours), not from another origin, and not with a form (JSON only, which makes a browser ask first).
 */
export function guard(own: OwnNames): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    const names = own.hosts();
    if (!names.has(nameOf(host)))
      throw failure(
        "bad-request",
        `The Host "${host}" is not one of this gateway's (${[...names].join(", ")}). Address it by one of these.`,
      );
    const origin = c.req.header("origin");
    if (origin !== undefined && !isOwnOrigin(origin, host))
      throw failure("bad-request", `The Origin "${origin}" is foreign: requests from pages of other sites are refused.`);
    if (WRITES.has(c.req.method)) requireJson(c.req.header("content-type"), c.req.header("content-length"), c.req.path);
    await next();
  };
}

function requireJson(contentType: string | undefined, contentLength: string | undefined, path: string): void {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/json") return;
  // A query changes nothing: without a body it needs no type.
  if (type === undefined && /\/queries\/[^/]+$/.test(path) && (contentLength === undefined || contentLength === "0")) return;
  throw failure("bad-request", `The content-type is ${contentType ?? "missing"}; send application/json, also where there is no body.`);
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

function isOwnOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}`;
}
