import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupName } from "../vocabulary/ids.js";
import { LIMITS } from "../vocabulary/limit.js";
import type { Message } from "../vocabulary/message.js";
import { decodeEntry, encodeEntry } from "./entry.js";
import { createFrameSplitter, PREAMBLE, splitFrames } from "./frame.js";
import { decodeMessage, encodeFrame, encodeMessageWhole } from "./message.js";
import { ENTRIES, GROUP, SAMPLES } from "./message.test-samples.js";
import { joinBytes } from "./byte-writer.js";

const samples: readonly Message[] = Object.values(SAMPLES);

/** Buffers and plain arrays of bytes count as the same. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

describe("messages", () => {
  it.each(samples.map((message) => [message.kind, message] as const))("%s comes back as it was", (_kind, message) => {
    const decoded = decodeMessage(encodeMessageWhole(message, GROUP), GROUP);
    expect(decoded).toMatchObject({ ok: true });
    if (decoded.ok) expect(plain(decoded.message)).toEqual(plain(message));
  });

  it.each(samples.map((message) => [message.kind, message] as const))("%s with a field missing is refused", (kind, message) => {
    for (const field of Object.keys(message)) {
      if (field === "kind" || !["hello", "sealed", "report", "membership", "members", "register"].includes(kind)) continue;
      const without: unknown = Object.fromEntries(Object.entries(message).filter(([name]) => name !== field));
      expect(decodeMessage(encodeMessageWhole(without as Message, GROUP), GROUP).ok).toBe(false);
    }
  });

  it("no changed, cut or invented frame makes the decoder throw", () => {
    const encoded = samples.map((message) => encodeMessageWhole(message, GROUP));
    const mutation = fc.record({
      sample: fc.nat(encoded.length - 1),
      flips: fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { maxLength: 4 }),
      cut: fc.option(fc.nat(5000)),
    });
    fc.assert(
      fc.property(mutation, ({ sample, flips, cut }) => {
        const bytes = (encoded[sample] ?? new Uint8Array(0)).slice(0, cut ?? undefined);
        for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value;
        decodeMessage(bytes, GROUP);
      }),
      { numRuns: 5000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeMessage(bytes, GROUP)));
  });

  it("a frame that holds one list in many places is refused, and not looked at for hours", () => {
    const { hosts, ...membership } = SAMPLES.membership;
    const replicas = hosts.flatMap((host) => host.replicas).slice(0, 1);
    const holding = (count: number): Message => {
      const many = Array.from({ length: count }, () => replicas).flat();
      const host = { ...hosts[0], replicas: many };
      return { ...membership, hosts: Array.from({ length: count }, () => host) } as Message;
    };
    expect(decodeMessage(encodeMessageWhole(holding(3), GROUP), GROUP).ok).toBe(true);
    const encoded = encodeMessageWhole(holding(1_000), GROUP);
    expect(encoded.length).toBeLessThan(20_000);
    expect(decodeMessage(encoded, GROUP).ok).toBe(false);
    // Nothing of that is left behind.
    for (const message of samples) expect(decodeMessage(encodeMessageWhole(message, GROUP), GROUP).ok).toBe(true);
  });

  it("hot messages cut short or lengthened are refused", () => {
    for (const message of [SAMPLES["append-ack"], SAMPLES.confirm, SAMPLES.append]) {
      const whole = encodeMessageWhole(message, GROUP);
      for (let size = 0; size < whole.length; size++) expect(decodeMessage(whole.subarray(0, size), GROUP).ok).toBe(false);
      expect(decodeMessage(joinBytes([whole, new Uint8Array(1)]), GROUP).ok).toBe(false);
    }
  });
});

describe("entries", () => {
  it("L5: an entry with any bit turned over, or of another group, is refused", () => {
    for (const entry of ENTRIES) {
      const bytes = encodeEntry(GROUP, entry);
      expect(decodeEntry(groupName("other"), bytes)).toMatchObject({ ok: false });
      for (let at = 0; at < Math.min(bytes.length, 200); at++) {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        expect(decodeEntry(GROUP, changed).ok).toBe(false);
      }
    }
  });

  it("an entry is encoded once, and one that came encoded keeps its bytes", () => {
    const [entry] = ENTRIES;
    if (entry === undefined) throw new Error("no entry");
    const bytes = encodeEntry(GROUP, entry);
    expect(encodeEntry(GROUP, entry)).toBe(bytes);
    const received = bytes.slice();
    const decoded = decodeEntry(GROUP, received);
    expect(decoded.ok && encodeEntry(GROUP, decoded.entry)).toBe(received);
  });

  it("large payloads and many small ones come back, whatever slab they were written into", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(70_000), { minLength: 1, maxLength: 8 }), (sizes) => {
        const entries = sizes.map((size, at) => {
          const body = { kind: "request", identity: { kind: "key", key: "k" }, digest: 1, operation: "x", nowMs: 1, seed: 2 } as const;
          return { index: at + 1, epoch: [1, 1] as const, ageMs: 0, body: { ...body, input: new Uint8Array(size).fill(size) } };
        });
        const message: Message = { ...SAMPLES.append, prevIndex: 0, entries };
        const frames = [encodeFrame(message, GROUP), encodeFrame(SAMPLES.confirm, GROUP), encodeFrame(message, GROUP)];
        const decoded = frames.map((chunks) => decodeMessage(joinBytes(chunks).subarray(4), GROUP));
        expect(decoded.map((each) => each.ok)).toEqual([true, true, true]);
        for (const each of decoded) {
          if (!each.ok || each.message.kind !== "append") continue;
          expect(each.message.entries.map((entry) => (entry.body.kind === "request" ? entry.body.input.length : -1))).toEqual(sizes);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("frames", () => {
  it("a stream cut anywhere gives the same frames", () => {
    const chunks = samples.slice(0, 12).flatMap((message) => encodeFrame(message, GROUP));
    const stream = joinBytes([PREAMBLE, ...chunks]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sizes) => {
        const splitter = createFrameSplitter();
        const kinds: string[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          const failure = splitFrames(splitter, stream.subarray(at, at + size), (body) => {
            const decoded = decodeMessage(body, GROUP);
            kinds.push(decoded.ok ? decoded.message.kind : decoded.reason);
          });
          expect(failure).toBeNull();
          at += size;
        }
        expect(kinds).toEqual(samples.slice(0, 12).map((message) => message.kind));
      }),
      { numRuns: 100 },
    );
  });

  it("a length beyond the limit is refused before anything is kept for it", () => {
    const splitter = createFrameSplitter();
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, LIMITS.frameSizeBytesMax + 1);
    expect(splitFrames(splitter, joinBytes([PREAMBLE, head]), () => {})).toContain("limit");
    expect(splitFrames(splitter, new Uint8Array(100), () => {})).toContain("limit");
    expect(splitter.pendingBytes).toBe(0);
  });

  it("a peer that does not speak the protocol is found out at its first wrong byte", () => {
    expect(splitFrames(createFrameSplitter(), new Uint8Array([0x47]), () => {})).not.toBeNull();
  });
});
