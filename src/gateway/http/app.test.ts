import { beforeEach, describe, expect, it, vi } from "vitest";
import { ERRORS, type ErrorCode } from "../../vocabulary/error.js";
import { answered, type StandIn, standIn } from "./stand-in.test-kit.js";

let stand: StandIn;
beforeEach(() => {
  stand = standIn();
});

const ADD = "/v1/groups/counter/operations/add";

async function errorOf(response: Response) {
  const body = (await response.json()) as { error: { code: string; message: string; outcome: string } };
  return { status: response.status, ...body.error };
}

describe("operations and queries", () => {
  it("carry the input, and answer result, index and epoch", async () => {
    const response = await stand.request("POST", ADD, 5);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ result: 5, index: 7, epoch: [1, 2] });
    expect(stand.calls).toEqual([{ name: "add", input: 5, identity: null, timeoutMs: 10_000 }]);
  });

  it("with a key are given up long before it is forgotten", async () => {
    const long = { "troupe-timeout-ms": "40000" };
    await stand.request("POST", ADD, 5, { ...long, "idempotency-key": "k" });
    await stand.request("POST", ADD, 5, long);
    expect(stand.calls.map(({ timeoutMs }) => timeoutMs)).toEqual([25_000, 40_000]);
  });

  it("without a body have no input, and an undefined result is null", async () => {
    stand.outcome = answered(undefined);
    const response = await stand.request("POST", "/v1/groups/counter/queries/get", undefined, {});
    expect(await response.json()).toMatchObject({ result: null });
    expect(stand.calls).toMatchObject([{ input: undefined, consistency: "linearizable" }]);
  });

  it("tagged values go both ways", async () => {
    stand.outcome = answered(new Map([["a", 1n]]));
    const response = await stand.request("POST", ADD, { $troupe: "set", values: [1] });
    expect(await response.json()).toMatchObject({ result: { $troupe: "map", entries: [["a", { $troupe: "bigint", value: "1" }]] } });
    expect(stand.calls[0]?.input).toEqual(new Set([1]));
  });

  it("take any key for a key", async () => {
    const response = await stand.request("POST", ADD, '{"constructor":1,"toJSON":{"length":2}}');
    expect(response.status).toBe(200);
    expect(stand.calls[0]?.input).toEqual({ constructor: 1, toJSON: { length: 2 } });
  });

  it.each([
    ["with its length", { "content-length": "10" }],
    ["in chunks", {}],
  ])("a caller that goes away in the middle of a body (%s) is no bug, and asks nothing of the group", async (_, headers) => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array([0x5b]));
        controller.error(Object.assign(new Error("aborted"), { code: "ECONNRESET" }));
      },
    });
    expect(await errorOf(await stand.request("POST", ADD, body, headers))).toMatchObject({ code: "bad-request", outcome: "not-executed" });
    expect(stand.calls).toEqual([]);
  });

  it("S6g: name their request by key", async () => {
    await stand.request("POST", ADD, 1, { "idempotency-key": "abc-1" });
    expect(stand.calls[0]?.identity).toEqual({ kind: "key", key: "abc-1" });
  });

  it("S6b: or by session and number, with a floor a window behind unless the caller says better", async () => {
    await stand.request("POST", ADD, 1, { "troupe-session": "1.5.aa", "troupe-sequence": "2000" });
    await stand.request("POST", ADD, 1, { "troupe-session": "1.5.aa", "troupe-sequence": "2000", "troupe-floor": "1999" });
    expect(stand.calls.map((call) => call.identity)).toMatchObject([
      { kind: "session", session: "1.5.aa", sequence: 2000, floor: 977 },
      { floor: 1999 },
    ]);
  });

  it("open sessions", async () => {
    const response = await stand.request("POST", "/v1/groups/counter/sessions");
    expect(await response.json()).toMatchObject({ session: "1.5.aa" });
  });

  it.each([
    ["a key and a session", { "idempotency-key": "a", "troupe-session": "1.5.aa", "troupe-sequence": "1" }],
    ["a session without a number", { "troupe-session": "1.5.aa" }],
    ["a number without a session", { "troupe-sequence": "1" }],
    ["no session of ours", { "troupe-session": "__proto__", "troupe-sequence": "1" }],
    ["number 0", { "troupe-session": "1.5.aa", "troupe-sequence": "0" }],
    ["a floor above the number", { "troupe-session": "1.5.aa", "troupe-sequence": "1", "troupe-floor": "2" }],
    ["a long key", { "idempotency-key": "x".repeat(256) }],
    ["a key with a space", { "idempotency-key": "a b" }],
    ["no time", { "troupe-timeout-ms": "soon" }],
  ])("refuse %s", async (_, headers) => {
    expect(await errorOf(await stand.request("POST", ADD, 1, headers))).toMatchObject({
      status: 400,
      code: "bad-request",
      outcome: "not-executed",
    });
    expect(stand.calls).toEqual([]);
  });
});

describe("bad input", () => {
  it.each(["{", "[1,", "nope"])("invalid JSON %s", async (body) => {
    expect(await errorOf(await stand.request("POST", ADD, body))).toMatchObject({ status: 400, code: "bad-request" });
  });

  it("text that would be stored as something else: half of a surrogate pair, bytes that are no UTF-8", async () => {
    const bytes = new Uint8Array([0x22, 0xff, 0x22]);
    for (const body of ['"\\ud800"', '[{"a":"\\udc00"}]', '{"\\ud800":1}', bytes])
      expect(await errorOf(await stand.request("POST", ADD, body))).toMatchObject({ status: 400, code: "bad-request" });
    expect(stand.calls).toEqual([]);
    await stand.request("POST", ADD, '"\\ud83d\\ude00"');
    expect(stand.calls[0]?.input).toBe("\u{1f600}");
  });

  it("a key __proto__ in the body", async () => {
    const error = await errorOf(await stand.request("POST", ADD, '{"a":{"__proto__":{"x":1}}}'));
    expect(error).toMatchObject({ status: 400, code: "bad-request" });
    expect(error.message).toContain("__proto__");
  });

  it("a body beyond the limit", async () => {
    const error = await errorOf(await stand.request("POST", ADD, JSON.stringify("x".repeat(5_000_000))));
    expect(error).toMatchObject({ status: 400, code: "too-large", outcome: "not-executed" });
    expect(await errorOf(await stand.request("POST", ADD, JSON.stringify("x".repeat(9_000_000))))).toMatchObject({ code: "too-large" });
  });

  it.each([
    ["/v1/groups/nope/operations/add", "unknown-group"],
    ["/v1/groups/__proto__/operations/add", "unknown-group"],
    ["/v1/groups/counter/operations/nope", "unknown-operation"],
    ["/v1/groups/counter/operations/__proto__", "unknown-operation"],
    ["/v1/groups/counter/operations/get", "unknown-operation"],
    ["/v1/groups/counter/queries/add", "unknown-operation"],
    ["/v1/nowhere", "not-found"],
  ])("%s is 404 %s", async (path, code) => {
    const error = await errorOf(await stand.request("POST", path, 1));
    expect(error).toMatchObject({ status: 404, code, outcome: "not-executed" });
  });
});

describe("who may ask", () => {
  it.each([
    ["a form", { "content-type": "application/x-www-form-urlencoded" }],
    ["text", { "content-type": "text/plain" }],
    ["a foreign Host", { host: "evil.example:7400" }],
    ["a foreign Origin", { origin: "http://evil.example" }],
    ["the Origin null", { origin: "null" }],
    ["another port's Origin", { origin: "http://127.0.0.1:8080" }],
  ])("not %s", async (_, headers) => {
    const error = await errorOf(await stand.request("POST", ADD, 1, headers));
    expect(error).toMatchObject({ status: 400, outcome: "not-executed" });
    const admin = await stand.request("POST", "/v1/admin/replicas/counter-1/kill", undefined, headers);
    expect(admin.status).toBe(400);
    expect([stand.calls, stand.commands]).toEqual([[], []]);
  });

  it("our own page may, under each of our names", async () => {
    for (const host of ["127.0.0.1:7400", "localhost:7400"])
      expect((await stand.request("POST", ADD, 1, { host, origin: `http://${host}` })).status).toBe(200);
  });
});

describe("failures", () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])("%s has the status and outcome of its row", async (code) => {
    const { outcome, httpStatus } = ERRORS[code];
    stand.outcome = { kind: "failed", code, outcome, message: "why" };
    expect(await errorOf(await stand.request("POST", ADD, 1))).toEqual({ status: httpStatus, code, outcome, message: "why" });
  });

  it("S8: the service's own refusal is 422, whatever it calls itself", async () => {
    for (const code of ["short-of-money", "timeout", "overloaded"]) {
      stand.outcome = answered({ code, message: "no", details: { short: 3 } }, true);
      expect(await errorOf(await stand.request("POST", ADD, 1))).toEqual({
        status: 422,
        code,
        outcome: "refused",
        message: "no",
        details: { short: 3 },
      });
    }
  });
});

describe("observation", () => {
  it("status is the last word, and says when it is stale", async () => {
    expect(await (await stand.request("GET", "/v1/status")).json()).toMatchObject({
      stale: false,
      groups: [{ group: "counter", epoch: [1, 2] }],
    });
    stand.stale = true;
    expect(await (await stand.request("GET", "/v1/status")).json()).toMatchObject({ stale: true, groups: [{ group: "counter" }] });
  });

  it("members are for discovery", async () => {
    expect(await (await stand.request("GET", "/v1/groups/counter/members")).json()).toEqual({
      clusterId: "0".repeat(32),
      group: "counter",
      view: null,
      book: { version: [1, 1], entries: [] },
      operations: ["add", "fail"],
      queries: ["get"],
    });
  });

  it("who asks only for the head of the events is no watcher", async () => {
    const response = await stand.request("HEAD", "/v1/events");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect(stand.watchers.size).toBe(0);
  });

  it("events come from where the watcher left off, then as they happen", async () => {
    for (const id of [1, 2]) stand.emit({ id, atMs: 0, kind: "suspected", text: `event ${id}` });
    const response = await stand.request("GET", "/v1/events", undefined, { "last-event-id": "1" });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    let text = "";
    const until = async (part: string) => {
      while (!text.includes(part)) text += decoder.decode((await reader?.read())?.value);
    };
    // The end of what had happened before: who wants no more than that need not guess.
    await until(": all told\n\n");
    expect(text).toContain("event 2");
    stand.emit({ id: 3, atMs: 0, kind: "gone", text: "event 3" });
    await until("event 3");
    expect(text).not.toContain("event 1");
    expect(text).toContain("id: 3\n");
    await reader?.cancel();
  });

  it.each([
    ["has seen some of it: that is not said again", 2, [3, 4]],
    ["comes from another history: all of it is news", 9, [1, 2, 3, 4]],
  ])("a gateway that has just begun hears what has happened; a watcher that %s", async (_, after, expected) => {
    const response = await stand.request("GET", "/v1/events", undefined, { "last-event-id": `${after}` });
    stand.emit(...[1, 2, 3].map((id) => ({ id, atMs: 0, kind: "gone", text: `event ${id}` })));
    stand.emit({ id: 4, atMs: 0, kind: "gone", text: "event 4" });
    const reader = response.body?.getReader();
    let text = "";
    while (!text.includes(": all told")) text += new TextDecoder().decode((await reader?.read())?.value);
    expect(text.match(/: all told/g)).toHaveLength(1);
    expect([...text.matchAll(/^id: (\d+)$/gm)].map((found) => Number(found[1]))).toEqual(expected);
    await reader?.cancel();
  });

  it("a watcher who does not read is let go, and holds neither events nor a place", async () => {
    const response = await stand.request("GET", "/v1/events");
    expect(stand.watchers.size).toBe(1);
    const emit = (id: number) => stand.emit({ id, atMs: 0, kind: "gone", text: `event ${id}` });
    // The write of one of the first waits for the reader.
    for (let id = 1; id <= 10; id++) emit(id);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let id = 11; id <= 3_000; id++) emit(id);
    await vi.waitFor(() => expect(stand.watchers.size).toBe(0));
    await response.body?.cancel();
  });

  it.each([
    ["?after=abc", {}],
    ["?after=-1", {}],
    ["?after=1.5", {}],
    ["", { "last-event-id": "x" }],
  ])("events after what is no event are refused (%s, %o)", async (query, headers) => {
    const error = await errorOf(await stand.request("GET", `/v1/events${query}`, undefined, headers));
    expect(error).toMatchObject({ status: 400, code: "bad-request", message: expect.stringMatching(/whole number/) });
  });

  it("metrics name the group, and routes rather than paths", async () => {
    await stand.request("POST", ADD, 1);
    const text = await (await stand.request("GET", "/metrics")).text();
    expect(text).toContain('troupe_group_serving{group="counter"} 1');
    expect(text).toContain('troupe_http_requests_total{method="POST",route="operations",status="200"} 1');
  });

  it("the page shows the group", async () => {
    expect(await (await stand.request("GET", "/")).text()).toContain("<h2>counter</h2>");
  });
});

describe("administration", () => {
  it("a change is handed on and accepted with its id", async () => {
    const response = await stand.request("PATCH", "/v1/admin/groups/counter", { replicas: 5, style: "active" });
    expect([response.status, await response.json()]).toEqual([202, { changeId: "c-1" }]);
    await stand.request("PATCH", "/v1/admin/detectors/lfd", { heartbeatIntervalMs: 50 });
    await stand.request("POST", "/v1/admin/replicas/counter-1/kill");
    await stand.request("POST", "/v1/admin/groups/counter/accept-loss", { epoch: [3, 7] });
    await stand.request("PATCH", "/v1/admin/settings", {
      groups: { counter: { replicas: 4 } },
      detectors: { gfd: { heartbeatIntervalMs: 60 } },
    });
    expect(stand.commands).toEqual([
      { kind: "set-group", group: "counter", change: { replicas: 5, style: "active" } },
      { kind: "set-detector", detector: "lfd", knobs: { heartbeatIntervalMs: 50 } },
      { kind: "replica", replica: "counter-1", action: "kill" },
      { kind: "accept-loss", group: "counter", epoch: [3, 7] },
      {
        kind: "set-all",
        parts: [
          { kind: "set-group", group: "counter", change: { replicas: 4 } },
          { kind: "set-detector", detector: "gfd", knobs: { heartbeatIntervalMs: 60 } },
        ],
      },
    ]);
  });

  it.each([
    ["PATCH", "/v1/admin/groups/counter", { replicas: 50 }],
    ["PATCH", "/v1/admin/groups/counter", { durability: "memory" }],
    ["PATCH", "/v1/admin/groups/counter", {}],
    ["PATCH", "/v1/admin/groups/counter", "{"],
    ["PATCH", "/v1/admin/detectors/rm", { heartbeatIntervalMs: 50 }],
    ["PATCH", "/v1/admin/detectors/lfd", { heartbeatIntervalMs: 100, suspicionTimeoutMs: 120 }],
    ["POST", "/v1/admin/groups/counter/accept-loss", {}],
    ["POST", "/v1/admin/groups/counter/accept-loss", { epoch: [1] }],
    ["POST", "/v1/admin/replicas/counter-1/explode", undefined],
    ["PATCH", "/v1/admin/groups/counter", []],
    ["PATCH", "/v1/admin/settings", { groups: {}, detectors: {} }],
    ["PATCH", "/v1/admin/settings", { groups: { Counter: { replicas: 3 } } }],
    ["PATCH", "/v1/admin/settings", { groups: { counter: { replicas: 5 } }, detectors: { lfd: { suspicionTimeoutMs: "-1" } } }],
    ["PATCH", "/v1/admin/groups/counter", "null"],
  ])("%s %s %o is refused in words", async (method, path, body) => {
    const error = await errorOf(await stand.request(method, path, body));
    expect(error).toMatchObject({ status: 400, code: "bad-request", message: expect.not.stringContaining("Invalid input") });
    expect(stand.commands).toEqual([]);
  });

  it("what is wrong with a change is said once, as a sentence", async () => {
    const wordsFor = async (body: unknown) => (await errorOf(await stand.request("PATCH", "/v1/admin/groups/counter", body))).message;
    expect(await wordsFor({ replicas: 0 })).toBe("This change cannot be made: replicas is at least 1.");
    expect(await wordsFor({})).toBe("This change cannot be made: it names nothing to change.");
    expect(await wordsFor({ colour: 1 })).toBe(
      "This change cannot be made: there is no setting colour that can be changed while the system runs; see docs/reference/config.md.",
    );
  });

  it("a method that nothing answers to is not found, whatever its content-type", async () => {
    for (const method of ["DELETE", "PUT"])
      expect(await errorOf(await stand.request(method, "/v1/status", undefined, { "content-type": "text/plain" }))).toMatchObject({
        status: 404,
        code: "not-found",
      });
  });

  it("a change that was asked for and not answered may have been made: nobody is told that it was not", async () => {
    stand.adminOutcome = { kind: "unknown", message: "because" };
    const error = await errorOf(await stand.request("POST", "/v1/admin/replicas/counter-1/remove"));
    expect(error).toMatchObject({ status: 504, code: "timeout", message: "because", outcome: "unknown" });
  });

  it.each([404, 409, 503] as const)("a rejection keeps its status %i and words", async (httpStatus) => {
    stand.adminOutcome = { kind: "rejected", httpStatus, message: "because" };
    const error = await errorOf(await stand.request("POST", "/v1/admin/replicas/counter-9/kill"));
    expect(error).toMatchObject({ status: httpStatus, message: "because", outcome: "not-executed" });
  });
});
