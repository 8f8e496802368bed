import { canonicalJson } from "./canonical-json.js";
import { describe, type EffectsResult, effectsResult, endOf, finalQueries, type Numbered, numberedOf, orderBreaches } from "./effects.js";
import { type OperationRecord, shortJson } from "./history.js";
import { inputField } from "./model.js";

type Append = Numbered & { readonly text: string };
/** What a client was shown, as how many of the final elements; undefined where it is no beginning of them. `whole`: it asked for all. */
type Glimpse = Numbered & { readonly count: number | undefined; readonly ownElement?: string };

/**
 * A list with `append(element)` and `read()`, where every element is appended by one operation only: each acknowledged element is there
 * exactly once, one of unknown outcome at most once, nothing else; the order keeps real time, and every list that was read is a beginning
 * of the final one. `finalList`: as read after the run; otherwise a last `read` must have begun after everything else ended.
 */
export function checkAppendedOnce(records: readonly OperationRecord[], finalList?: readonly unknown[]): EffectsResult {
  const appends = numberedOf(records, ["append"]).map((each) => ({ ...each, text: canonicalJson(each.record.input) }));
  const reads = numberedOf(records, ["read"]);
  const final =
    finalList ?? longest(finalQueries(reads, appends).flatMap(({ record }) => (Array.isArray(record.result) ? [record.result] : [])));
  if (final === undefined) return effectsResult(appends, [noFinal]);
  const elements = final.map(canonicalJson);
  const glimpses = reads.flatMap((each): Glimpse[] => {
    const list = each.record.outcome === "ok" ? listOf(each.record.result) : undefined;
    if (list === undefined) return [];
    return [{ ...each, count: list.every((element, i) => canonicalJson(element) === elements[i]) ? list.length : undefined }];
  });
  return effectsResult(appends, problemsOf(elements, appends, glimpses));
}

/**
 * The same for one key of a kv service, whose `append({key, value})` joins strings: no value may begin with another, which a separator
 * at its end ensures ("c1-17;"). `finalText`: as for checkAppendedOnce; otherwise from a last `get`.
 */
export function checkAppendedOnceToKey(records: readonly OperationRecord[], key: string, finalText?: string): EffectsResult {
  const appends = numberedOf(records, ["append"])
    .filter(({ record }) => inputField(record, "key") === key)
    .map((each) => ({ ...each, text: String(inputField(each.record, "value")) }));
  const gets = numberedOf(records, ["get"]).filter(({ record }) => record.input === key || inputField(record, "key") === key);
  const final = finalText ?? longest(finalQueries(gets, appends).flatMap(({ record }) => textOf(record) ?? []));
  if (final === undefined) return effectsResult(appends, [noFinal]);
  const { elements, counts, foreign } = split(final, new Set(appends.map(({ text }) => text)));
  if (foreign !== undefined)
    return effectsResult(appends, [
      `at character ${foreign} the final value holds what nobody appended: ${shortJson(final.slice(foreign))}`,
    ]);
  const countOf = (text: string) => (final.startsWith(text) ? counts.get(text.length) : undefined);
  const glimpses = [...gets, ...appends].flatMap((each): Glimpse[] => {
    const text = textOf(each.record);
    if (text === undefined) return [];
    return [{ ...each, count: countOf(text), ...("text" in each && typeof each.text === "string" ? { ownElement: each.text } : {}) }];
  });
  return effectsResult(appends, problemsOf(elements, appends, glimpses));
}

const noFinal = "the final content is not known: read it with a query that begins after all appends were answered, or pass it";

/** Of reads that ran beside one another, the one that shows most was the last. */
function longest<Content extends { readonly length: number }>(contents: readonly Content[]): Content | undefined {
  let most: Content | undefined;
  for (const content of contents) if (most === undefined || content.length > most.length) most = content;
  return most;
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** What an answer shows of the key: a get of what is absent shows nothing appended. */
function textOf(record: OperationRecord | undefined): string | undefined {
  if (record === undefined || record.outcome !== "ok") return undefined;
  if (typeof record.result === "string") return record.result;
  return record.operation === "get" ? "" : undefined;
}

/** Cuts a text into known values; `counts`: how many of them end at each length; `foreign`: where no value fits. */
function split(text: string, values: ReadonlySet<string>): { elements: string[]; counts: Map<number, number>; foreign?: number } {
  const lengths = [...new Set([...values].map((value) => value.length))].filter((length) => length > 0).sort((a, b) => b - a);
  const elements: string[] = [];
  const counts = new Map([[0, 0]]);
  for (let at = 0; at < text.length; ) {
    const length = lengths.find((each) => values.has(text.slice(at, at + each)));
    if (length === undefined) return { elements, counts, foreign: at };
    elements.push(text.slice(at, at + length));
    at += length;
    counts.set(at, elements.length);
  }
  return { elements, counts };
}

function problemsOf(elements: readonly string[], appends: readonly Append[], glimpses: readonly Glimpse[]): string[] {
  const byText = new Map<string, Append>();
  const problems: string[] = [];
  for (const append of appends) {
    const before = byText.get(append.text);
    if (before !== undefined)
      problems.push(`appended by two operations, so that nothing can be said of it: ${describe(before)}; ${describe(append)}`);
    byText.set(append.text, append);
  }
  const seen = new Set<string>();
  const ordered: Append[] = [];
  for (const element of elements) {
    const append = byText.get(element);
    if (append === undefined) problems.push(`nobody appended ${element}, and it is there`);
    else if (seen.has(element)) problems.push(`there twice: ${describe(append)}`);
    else if (append.record.outcome === "ok" || append.record.outcome === "unknown") ordered.push(append);
    else problems.push(`there, although the client was told "${append.record.outcome}": ${describe(append)}`);
    seen.add(element);
  }
  for (const append of appends) {
    if (append.record.outcome === "ok" && !seen.has(append.text)) problems.push(`acknowledged and lost: ${describe(append)}`);
  }
  for (const { early, late } of orderBreaches(ordered)) {
    problems.push(
      `in the wrong order: ${describe(early)} stands before ${describe(late)}, which had been answered before the first was sent`,
    );
  }
  return [...problems, ...glimpseProblems(ordered, glimpses, elements, problems.length > 0)];
}

/**
 * Each glimpse shows all that was answered before it began, all that was shown before it began, and nothing that was sent after it ended.
 */
function glimpseProblems(
  ordered: readonly Append[],
  glimpses: readonly Glimpse[],
  elements: readonly string[],
  isBroken: boolean,
): string[] {
  const problems: string[] = [];
  // Suffix minimum of ends and prefix maximum of starts; positions are those of the final elements, unless something is wrong with these.
  const firstEnds: number[] = new Array<number>(ordered.length + 1).fill(Number.POSITIVE_INFINITY);
  for (let i = ordered.length - 1; i >= 0; i--)
    firstEnds[i] = Math.min(firstEnds[i + 1] ?? Number.POSITIVE_INFINITY, endOf(ordered[i]?.record ?? never));
  const lastStarts: number[] = [Number.NEGATIVE_INFINITY];
  for (const { record } of ordered) lastStarts.push(Math.max(lastStarts.at(-1) ?? 0, record.startedAt));
  const shownBefore = shownCounts(glimpses);
  for (const glimpse of glimpses) {
    const { count, ownElement, record } = glimpse;
    if (count === undefined) problems.push(`shows what is no beginning of the final content: ${describe(glimpse)}`);
    else if (ownElement !== undefined && elements[count - 1] !== ownElement)
      problems.push(`does not end with what it appended: ${describe(glimpse)}`);
    else if (isBroken) continue;
    else if ((firstEnds[count] ?? Number.POSITIVE_INFINITY) < record.startedAt)
      problems.push(`stale: an append answered before it began is missing: ${describe(glimpse)}`);
    else if (shownBefore(record.startedAt) > count)
      problems.push(`stale: a read that was answered before it began has shown more: ${describe(glimpse)}`);
    else if ((lastStarts[count] ?? 0) > endOf(record))
      problems.push(`shows an append that was sent after it had ended: ${describe(glimpse)}`);
  }
  return problems;
}

/** How many elements at most were shown by glimpses that had ended before a moment. */
function shownCounts(glimpses: readonly Glimpse[]): (beforeMs: number) => number {
  const byEnd = glimpses.map(({ record, count }) => ({ end: endOf(record), most: count ?? 0 })).sort((a, b) => a.end - b.end);
  for (let i = 1; i < byEnd.length; i++) {
    const [before, here] = [byEnd[i - 1], byEnd[i]];
    if (before !== undefined && here !== undefined) here.most = Math.max(here.most, before.most);
  }
  return (beforeMs) => {
    let [low, high] = [0, byEnd.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((byEnd[middle]?.end ?? 0) < beforeMs) low = middle + 1;
      else high = middle;
    }
    return byEnd[low - 1]?.most ?? 0;
  };
}

const never: OperationRecord = { client: "", operation: "", startedAt: 0, endedAt: null, outcome: "unknown" };
