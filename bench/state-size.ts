import kv from "../examples/kv/kv.js";
import { encodeValue } from "../src/codec/value.js";
import { createExecutor, type Executor } from "../src/service/executor.js";
import { serviceMachine } from "../src/service/service-machine.js";
import type { ExecutionCompletion } from "../src/vocabulary/execution.js";
import { rounded, tableOf } from "./lib/figures.js";
import { readOptions } from "./lib/options.js";
import { DATA_FOLDER, record, say, sayHead, tell } from "./lib/report.js";

interface Row {
  readonly entries: number;
  /** Microseconds of one operation each. */
  readonly passiveUs: number;
  readonly activeUs: number;
  readonly applyUs: number;
  readonly undoUs: number;
  readonly queryUs: number;
  readonly putWhileCaptureUs: number;
  /** The longest turn of a capture of the whole state, and its sum. */
  readonly sliceMsMax: number;
  readonly captureMs: number;
  readonly restoreMs: number;
  readonly heapMb: number;
  /** A plain Map, set without any of it. */
  readonly rawUs: number;
}

/** What an operation costs as the state grows, in the executor of one replica, without log or network: it should not grow. */
export async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(
    "state-size",
    {
      entries: { default: "1000,10000,100000,1000000", means: "entries of the kv service's state, each a value of 100 bytes" },
      operations: { default: "20000", means: "of each measurement" },
      record: { default: false, means: "append the result to bench/history.ndjson" },
    },
    args,
  );
  sayHead("State size: one operation in the executor (kv, put of 100 bytes over an existing key)", DATA_FOLDER);
  const rows: Row[] = [];
  const operations = options.count("operations");
  // Once for nothing: what is compiled only later would be charged to the smallest state.
  measure(1_000, operations);
  for (const entries of options.text("entries").split(",").map(Number)) {
    tell(`${entries} entries`);
    rows.push(measure(entries, operations));
  }
  const head = ["entries", "execute passive", "execute active", "apply update", "undo", "query", "put in capture", "raw Map.set"];
  say("microseconds for one:");
  const us = (row: Row) => [row.passiveUs, row.activeUs, row.applyUs, row.undoUs, row.queryUs, row.putWhileCaptureUs, row.rawUs];
  say(
    tableOf(
      head,
      rows.map((row) => [row.entries, ...us(row)]),
    ),
  );
  say("\nthe whole state, in ms:");
  const whole = rows.map((row) => [row.entries, row.captureMs, row.sliceMsMax, row.restoreMs, row.heapMb]);
  say(tableOf(["entries", "capture", "longest slice", "restore", "heap MB"], whole));
  record(options.is("record"), "state-size", { operations }, DATA_FOLDER, rows);
}

interface Rig {
  readonly executor: Executor;
  /** Of the last execution. */
  redo(): Uint8Array;
  put(number: number, isSettled: boolean): void;
  release(): void;
  apply(redo: Uint8Array): void;
  query(number: number): void;
}

function createRig(): Rig {
  let ticket = 0;
  let last: ExecutionCompletion | null = null;
  const executor = createExecutor(serviceMachine(kv), {
    onCompletion: (completion) => {
      last = completion;
    },
  });
  return {
    executor,
    redo: () => (last?.kind === "executed" ? last.redo : new Uint8Array(0)),
    put(number, settled) {
      ticket += 1;
      const input = inputOf(number, ticket);
      executor.submit({
        kind: "execute",
        ticket,
        requestKey: `s:1.1.a:${ticket}`,
        operation: "put",
        input,
        nowMs: 1,
        seed: 1,
        settled,
        limitMs: 0,
      });
    },
    release: () => executor.submit({ kind: "release", throughTicket: ticket }),
    apply(redo) {
      ticket += 1;
      executor.submit({ kind: "apply-update", ticket, redo });
    },
    query(number) {
      ticket += 1;
      executor.submit({ kind: "query", ticket, query: "get", input: encodeValue(`key-${number}`), nowMs: 1 });
    },
  };
}

/** Another value each time: what changes nothing costs next to nothing. */
const inputOf = (number: number, version: number): Uint8Array =>
  encodeValue({ key: `key-${number}`, value: String(version).padStart(100, "v") });

/** Spread over all keys, the same each time. */
const keyAt = (position: number, entries: number): number => (position * 7_919) % entries;

function measure(entries: number, operations: number): Row {
  const rig = createRig();
  for (let number = 0; number < entries; number += 1) rig.put(number, true);
  const each = (body: (key: number) => void): number => {
    const fromMs = performance.now();
    for (let position = 0; position < operations; position += 1) body(keyAt(position, entries));
    return rounded(((performance.now() - fromMs) * 1_000) / operations);
  };
  const activeUs = each((key) => rig.put(key, true));
  const passiveUs = each((key) => {
    rig.put(key, false);
    rig.release();
  });
  const undoneUs = each((key) => {
    rig.put(key, false);
    rig.executor.submit({ kind: "undo-unreleased" });
  });
  rig.put(1, false);
  rig.release();
  const redo = rig.redo();
  // Two updates of one key by turns, so that each changes it.
  rig.put(1, false);
  rig.release();
  const redos = [rig.redo(), redo];
  let turn = 0;
  const applyUs = each(() => {
    turn = 1 - turn;
    rig.apply(redos[turn] ?? redo);
  });
  const queryUs = each((key) => rig.query(key));
  const plain = new Map(Array.from({ length: entries }, (_, number) => [`key-${number}`, "v".repeat(100)]));
  const rawUs = each((key) => plain.set(`key-${key}`, "v".repeat(100)));
  const capture = measureCapture(rig, each);
  const heapMb = Math.round(process.memoryUsage().heapUsed / 1_048_576);
  return { entries, passiveUs, activeUs, applyUs, undoUs: rounded(Math.max(0, undoneUs - passiveUs)), queryUs, ...capture, heapMb, rawUs };
}

function measureCapture(
  { executor, put }: Rig,
  each: (body: (key: number) => void) => number,
): Pick<Row, "putWhileCaptureUs" | "sliceMsMax" | "captureMs" | "restoreMs"> {
  const capture = executor.capture();
  const slices: Uint8Array[] = [];
  let sliceMsMax = 0;
  let captureMs = 0;
  const takeSlice = (): boolean => {
    const fromMs = performance.now();
    const slice = capture.next();
    const tookMs = performance.now() - fromMs;
    captureMs += tookMs;
    sliceMsMax = Math.max(sliceMsMax, tookMs);
    if (slice !== null) slices.push(slice);
    return slice !== null;
  };
  takeSlice();
  const putWhileCaptureUs = each((key) => put(key, true));
  while (takeSlice());
  capture.close();
  const fromMs = performance.now();
  executor.beginRestore();
  for (const slice of slices) executor.restoreSlice(slice);
  executor.finishRestore();
  const restoreMs = rounded(performance.now() - fromMs);
  return { putWhileCaptureUs, sliceMsMax: rounded(sliceMsMax), captureMs: rounded(captureMs), restoreMs };
}
