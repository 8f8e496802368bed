import type { Hono } from "hono";
import { html } from "hono/html";
import type { GroupStatus } from "../../vocabulary/admin.js";
import { epochText } from "../../vocabulary/epoch.js";
import type { Backend } from "./backend.js";

/** `/`: the state of things for a browser, until there is a dashboard. No script; it reloads itself. */
export function addPage(app: Hono, backend: Backend): void {
  app.get("/", (c) => {
    const { image, stale } = backend.status();
    c.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    return c.html(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>Troupe</title>
<style>body{font:15px system-ui,sans-serif;margin:2rem;max-width:60rem}table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0}.stale{color:#a00}</style>
</head>
<body>
<h1>Troupe</h1>
${stale ? html`<p class="stale">The Replication Manager does not answer; this is its last word.</p>` : ""}
${(image?.groups ?? []).map(groupPart)}
<p>JSON: <a href="/v1/status">status</a>, <a href="/v1/events">events</a>, <a href="/metrics">metrics</a></p>
</body>
</html>`);
  });
}

function groupPart(group: GroupStatus) {
  return html`<h2>${group.group}</h2>
<p>${group.style}, ${group.durability}, epoch ${epochText(group.epoch)}, ${group.serving ? "serving" : (group.waiting ?? "not serving")}</p>
<table><tr><th>replica</th><th>role</th><th>verdict</th><th>pid</th><th>commit</th><th>applied</th></tr>
${group.members.map(
  (
    member,
  ) => html`<tr><td>${member.replica}</td><td>${member.role}</td><td>${member.verdict}${member.paused ? " (paused)" : ""}</td><td>${member.pid ?? ""}</td><td>${member.commitIndex}</td><td>${member.appliedIndex}</td></tr>
`,
)}</table>`;
}
