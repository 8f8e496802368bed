import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { checkSettings, detectorChangeSchema, groupChangeSchema, listSettings } from "./schema.js";

function errorsOf(input: unknown): string[] {
  const checked = checkSettings(input, "troupe.config.json");
  return checked.ok ? [] : checked.errors;
}

it("nothing said is the defaults", () => {
  const checked = checkSettings({}, "flags");
  expect(checked).toMatchObject({
    ok: true,
    settings: {
      service: "bank",
      replicas: 3,
      style: "warm-passive",
      durability: "disk",
      port: 7400,
      detectors: { lfd: { heartbeatIntervalMs: 20 } },
    },
  });
});

it("says in words what is wrong, with the setting and the place", () => {
  expect(errorsOf({ replicas: 9 })).toEqual(["troupe.config.json: replicas is at most 7"]);
  expect(errorsOf({ replicas: 0 })).toEqual(["troupe.config.json: replicas is at least 1"]);
  expect(errorsOf({ replicas: "three" })[0]).toMatch(/replicas has to be a whole number/);
  expect(errorsOf({ style: "passive" })).toEqual(["troupe.config.json: style is one of active, warm-passive, cold-passive"]);
  expect(errorsOf({ replica: 3 })[0]).toMatch(/there is no setting replica; see/);
  expect(errorsOf({ detectors: { lfd: { interval: 3 } } })[0]).toMatch(/there is no setting interval in detectors.lfd/);
  expect(errorsOf([])).toHaveLength(1);
});

it("relations between settings are checked", () => {
  expect(errorsOf({ detectors: { lfd: { heartbeatIntervalMs: 100 } } })[0]).toMatch(
    /detectors.lfd.suspicionTimeoutMs has to be at least twice/,
  );
  expect(errorsOf({ style: "cold-passive", durability: "memory" })[0]).toMatch(
    /style cannot be cold-passive here: .* needs durability disk/,
  );
  expect(errorsOf({ style: "cold-passive" })).toEqual([]);
  expect(errorsOf({ replicas: 1, minimumReplicas: 2 })[0]).toMatch(/minimumReplicas is more than replicas/);
  expect(errorsOf({ requestTimeoutMs: 400_000 })[0]).toMatch(/keyExpiryMs has to be at least twice requestTimeoutMs/);
  expect(errorsOf({ requestTimeoutMs: 400_000, keyExpiryMs: 800_000 })).toEqual([]);
  expect(errorsOf({ host: "0.0.0.0" })[0]).toMatch(/host is not this machine/);
  expect(errorsOf({ host: "0.0.0.0", insecureNetwork: true })).toEqual([]);
  expect(errorsOf({ host: "127.0.0.9" })).toEqual([]);
});

it("a change names something, and nothing unknown", () => {
  expect(groupChangeSchema.safeParse({}).success).toBe(false);
  expect(groupChangeSchema.safeParse({ durability: "memory" }).success).toBe(false);
  expect(groupChangeSchema.safeParse({ replicas: 5, quorum: "all" }).success).toBe(true);
  expect(detectorChangeSchema.safeParse({ heartbeatIntervalMs: 50 }).success).toBe(true);
  expect(detectorChangeSchema.safeParse({ heartbeatIntervalMs: 50, suspicionTimeoutMs: 60 }).success).toBe(false);
});

it("every setting has a meaning, and docs/reference/config.md has them all and no other", () => {
  const settings = listSettings();
  expect(settings.filter((setting) => setting.meaning === "")).toEqual([]);
  const text = readFileSync(new URL("../../docs/reference/config.md", import.meta.url), "utf8");
  const documented = [...text.matchAll(/^\| `([\w.]+)` \|/gm)].map((match) => match[1]);
  expect(documented.sort()).toEqual(settings.map((setting) => setting.name).sort());
});

it("docs/reference/config.md has the default of every setting that has one, and an example without a fault", () => {
  const text = readFileSync(new URL("../../docs/reference/config.md", import.meta.url), "utf8");
  const defaults = checkSettings({}, "nothing");
  const defaultOf = (name: string) =>
    name
      .split(".")
      .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], defaults.ok ? defaults.settings : {});
  const rows = [...text.matchAll(/^\| `([\w.]+)` \| `([^`]+)` \|/gm)].map(([, name = "", value = ""]) => [name, value]);
  expect(rows.length).toBeGreaterThan(20);
  expect(rows).toEqual(rows.map(([name = ""]) => [name, String(defaultOf(name))]));
  const example = /^```ts\n.*?export default (.*?);\n```$/ms.exec(text)?.[1];
  expect(checkSettings(new Function(`return ${example}`)(), "the example")).toMatchObject({ ok: true });
});
