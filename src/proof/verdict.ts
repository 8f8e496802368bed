import { canRun, type Proof, type StyleProof } from "./conduct.js";
import type { Finding } from "./finding.js";

/** How a run is made again; `command` is what the user typed before. */
export type Again = (style: string, seed: number) => string;

/** Did everything hold, of everything that was to be run? */
export function hasPassed(proof: Proof): boolean {
  return reasonsAgainst(proof).length === 0;
}

/** One line each: why the service is not proven. */
export function reasonsAgainst(proof: Proof): string[] {
  const { outline, styles, stylesMissing, without } = proof;
  const reasons: string[] = [];
  if (outline.finding !== null) reasons.push(outline.finding.text);
  for (const { kind, name } of outline.notRun) reasons.push(`the ${kind} ${name} was not run`);
  if (!canRun(outline, without)) reasons.push("there is no operation to run");
  for (const style of stylesMissing) reasons.push(`the service does not declare the style ${style}`);
  for (const each of styles) {
    if (each.failed?.finding) reasons.push(`${each.style}: ${HEADINGS[each.failed.finding.kind]}`);
    else if (each.failed !== null) reasons.push(`${each.style}: a rule of Troupe itself did not hold`);
    else if (each.counted === 0) reasons.push(`${each.style}: too little happened in its runs for them to count`);
    for (const name of each.failed === null ? vainCalls(each) : []) reasons.push(`${each.style}: every call of ${name} was refused`);
  }
  return reasons;
}

const HEADINGS: Readonly<Record<Finding["kind"], string>> = {
  disagree: "the replicas do not agree",
  snapshot: "a snapshot does not restore to the same state",
  invariant: "an invariant does not hold",
  outside: "a handler reaches outside the service",
  exhausted: "a handler exhausts stack or memory",
  examples: "the examples cannot be used",
};

const ADVICE: Readonly<Record<Finding["kind"], string>> = {
  disagree:
    "In style active every replica executes: what a handler does may depend on its state, its input and its context, and on nothing else (a clock or\nrandom numbers that were kept from before, variables outside the state, what a module of Node gives).",
  snapshot: "The state holds something that a snapshot does not carry: please report it.",
  invariant: "The operations above, in this order, are all there is to it: processes that die change no state.",
  outside: "What is outside cannot be run a thousand times: leave this handler out with --without NAME.",
  exhausted: "In style active this ends the process of each replica that executes it.",
  examples: "Examples have to be functions that return an input, or lists with at least one.",
};

const VAIN_FROM = 20;

/** Operations and queries of which nothing is known, since no call of them came through. */
function vainCalls({ calls }: StyleProof): string[] {
  return [...calls].filter(([, { answered, refused }]) => answered === 0 && sum(refused.values()) >= VAIN_FROM).map(([name]) => name);
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

/** All that is to be said, for people. */
export function proofText(proof: Proof, again: Again): string {
  const { outline, styles, without } = proof;
  const counts = [
    [outline.operations.length, "operation", "operations"],
    [outline.queries.length, "query", "queries"],
    [outline.invariants.length, "invariant", "invariants"],
  ] as const;
  const reasons = reasonsAgainst(proof);
  return [
    `${outline.name}: ${counts.map(([count, one, many]) => `${count} ${count === 1 ? one : many}`).join(", ")}`,
    ...(outline.notRun.length === 0 ? [] : [""]),
    ...outline.notRun.map(({ kind, name, why }) => `${kind} ${name} was NOT RUN: ${lowerFirst(why)}`),
    ...(outline.finding === null
      ? []
      : ["", `FAILED: ${HEADINGS[outline.finding.kind]}`, outline.finding.text, ADVICE[outline.finding.kind]]),
    ...styles.flatMap((style) => ["", ...styleLines(proof, style, again)]),
    "",
    ...(reasons.length === 0
      ? [without.length === 0 ? "Everything held." : `Everything held; not run: ${without.join(", ")}.`]
      : ["NOT PROVEN:", ...reasons.map((reason) => `  - ${reason}`)]),
  ].join("\n");
}

function styleLines(proof: Proof, style: StyleProof, again: Again): string[] {
  const { runs, counted, executed, faults, views, virtualMs } = style;
  const few = counted === runs || style.failed !== null ? "" : ` (${runs - counted} with too little in them to count)`;
  return [
    `${style.style}: ${runs} ${runs === 1 ? "run" : "runs"}${few}, ${(virtualMs / 60_000).toFixed(1)} simulated minutes, ${executed} operations, ${faults} faults, ${views} views`,
    ...(style.failed === null ? heldLines(proof, style) : failedLines(style.failed, again)),
  ];
}

function heldLines({ outline: { invariants } }: Proof, style: StyleProof): string[] {
  const { comparisons, snapshots, invariantChecks, calls } = style;
  const width = Math.max(...[...calls.keys()].map((name) => name.length), 0);
  return [
    `  replicas agree     yes, compared ${comparisons} times`,
    `  snapshots restore  yes, ${snapshots} restored to the same state`,
    invariants.length === 0
      ? "  invariants         none are declared"
      : `  invariants held    yes, ${invariants.length} of ${invariants.length}, checked ${invariantChecks} times`,
    ...[...calls].map(([name, { answered, refused }]) => {
      const codes = [...refused].sort((a, b) => b[1] - a[1]).map(([code, count]) => `${code} ${count}`);
      return `    ${name.padEnd(width)}  ${answered} answered${codes.length === 0 ? "" : `, refused: ${codes.join(", ")}`}`;
    }),
  ];
}

function failedLines({ seed, style, finding, defect }: NonNullable<StyleProof["failed"]>, again: Again): string[] {
  if (finding === null)
    return [
      `  FAILED: a rule of Troupe itself did not hold: ${defect?.rule ?? ""}`,
      `  ${defect?.text ?? ""}`,
      "  That is no fault of your service. Please report it, with the service and this line:",
      `  again: ${again(style, seed)}`,
    ];
  return [
    `  FAILED: ${HEADINGS[finding.kind]}`,
    ...indented(finding.text),
    ...(finding.before.length === 0
      ? []
      : ["  The last operations, in the order of the log:", ...finding.before.map((line) => `    ${line}`)]),
    ...indented(ADVICE[finding.kind]),
    `  again: ${again(style, seed)}`,
  ];
}

function indented(text: string): string[] {
  return text.split("\n").map((line) => `  ${line}`);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The same as data. */
export function proofJson(proof: Proof): object {
  const { outline, styles, without } = proof;
  return {
    service: outline.name,
    passed: hasPassed(proof),
    reasons: reasonsAgainst(proof),
    notRun: [...outline.notRun],
    without,
    styles: styles.map(({ calls, failed, ...counts }) => ({
      ...counts,
      calls: Object.fromEntries(
        [...calls].map(([name, { answered, refused }]) => [name, { answered, refused: Object.fromEntries(refused) }]),
      ),
      failed: failed === null ? null : { seed: failed.seed, finding: failed.finding, defect: failed.defect },
    })),
  };
}
