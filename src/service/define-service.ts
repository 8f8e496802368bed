import { isName } from "../vocabulary/ids.js";
import { isPassive, STYLES, type Style } from "../vocabulary/style.js";
import type { OperationContext, QueryContext } from "./context.js";
import type { Examples } from "./example.js";
import type { StandardSchema } from "./schema.js";

/** `input` is whatever the handler declares: `never` here accepts every declaration. */
export type OperationHandler<S> = (state: S, input: never, context: OperationContext) => unknown;
export type QueryHandler<S> = (state: S, input: never, context: QueryContext) => unknown;

/** A service as `defineService` returns it: the default export of a service file. */
export interface ServiceDefinition<
  S extends object,
  O extends Record<string, OperationHandler<S>>,
  Q extends Record<string, QueryHandler<S>>,
> {
  /** Also the name of the group that runs it, unless it is given another. */
  readonly name: string;
  /** Makes the first state. Called on every replica: it has to give the same each time. */
  readonly state: () => S;
  /** Change the state, atomically, one at a time. */
  readonly operations: O;
  /** Read the state; synchronous. */
  readonly queries: Q;
  /** What inputs have to look like, by name of operation or query. */
  readonly inputs?: { readonly [Name in keyof O | keyof Q]?: StandardSchema };
  /** Inputs to try, by name of operation or query: a list, or a function that draws one. `troupe simulate` runs the service with them. */
  readonly examples?: Examples;
  /** Styles in which it may run. Default: all, or all but `active` when an operation is an async function. */
  readonly styles?: readonly Style[];
  /** What has to hold between operations, for tests and the simulator. */
  readonly invariants?: Readonly<Record<string, (state: S) => boolean>>;
}

/** Any service, when its types do not matter. */
export interface AnyService {
  readonly name: string;
  readonly state: () => object;
  readonly operations: Readonly<Record<string, OperationHandler<never>>>;
  readonly queries: Readonly<Record<string, QueryHandler<never>>>;
  readonly inputs?: Readonly<Record<string, StandardSchema | undefined>>;
  readonly examples?: Examples;
  readonly styles?: readonly Style[];
  readonly invariants?: Readonly<Record<string, (state: never) => boolean>>;
}

/** A handler as its caller sees it: the input, if it takes one, to the result. */
type CallOf<F> = F extends (...given: infer Given) => infer Result ? (...input: InputOf<Given>) => Awaited<Result> : never;
type InputOf<Given extends readonly unknown[]> = Given["length"] extends 0 | 1
  ? []
  : undefined extends Given[1]
    ? [input?: Given[1]]
    : [input: Given[1]];

/** `{ transfer: (input: {...}) => Result, ... }` for `typeof service`. Results are what the caller gets: awaited. */
export type OperationsOf<T> = T extends { readonly operations: infer O } ? { readonly [Name in keyof O]: CallOf<O[Name]> } : never;
export type QueriesOf<T> = T extends { readonly queries: infer Q } ? { readonly [Name in keyof Q]: CallOf<Q[Name]> } : never;

/**
 * Defines a replicated service. Throws a TypeError that says what is wrong with the definition: names, styles, handlers.
 * The state is a tree of plain objects, arrays, Maps and Sets, changed in place; see docs/guide/services.md for its rules.
 */
export function defineService<
  S extends object,
  // No defaults: with one, TypeScript gives the handlers' parameters no types.
  O extends Record<string, OperationHandler<S>>,
  Q extends Record<string, QueryHandler<S>>,
>(definition: ServiceDefinition<S, O, Q>): ServiceDefinition<S, O, Q> {
  const problem = checkService(definition);
  if (problem !== null) throw new TypeError(problem);
  return definition;
}

/** Names that would break a client object: awaiting it, closing it, printing it. */
const RESERVED: readonly string[] = ["then", "catch", "finally", "close", "on", "constructor", "toJSON", "__proto__"];
const HANDLER_NAME = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;

/** Of what a file exports by default: a CommonJS file that a compiler made of an ES module has it one step further in. */
export function exportedService(value: unknown): unknown {
  const isCompiled = typeof value === "object" && value !== null && Object.hasOwn(value, "__esModule");
  return isCompiled ? Reflect.get(value, "default") : value;
}

/** Why a value cannot be run as a service, or null. For service files, whose default export may be anything. */
export function checkService(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return "a service file has to export by default what defineService returns";
  const { name, state, operations, queries } = value as Record<string, unknown>;
  if (typeof name !== "string" || !isName(name))
    return `the service's name ${JSON.stringify(name)} has to be a lower-case letter, then at most 62 lower-case letters, digits and dashes`;
  if (typeof state !== "function") return `service ${name}: state has to be a function that returns the first state`;
  if (!isRecord(operations) || !isRecord(queries))
    return `service ${name}: operations and queries have to be objects of functions ({} when there are none)`;
  return (
    checkHandlers(name, "operation", operations) ??
    checkHandlers(name, "query", queries) ??
    checkBoth(name, operations, queries) ??
    checkSettings(name, value as Record<string, unknown>, operations, queries)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkHandlers(service: string, kind: "operation" | "query", handlers: Record<string, unknown>): string | null {
  // `{ __proto__: f }` sets the prototype instead of a property.
  if (Object.getPrototypeOf(handlers) !== Object.prototype)
    return `service ${service}: no ${kind} may be called __proto__, and ${kind === "query" ? "queries" : "operations"} has to be a plain object`;
  for (const [name, handler] of Object.entries(handlers)) {
    if (RESERVED.includes(name))
      return `service ${service}: no ${kind} may be called ${name}, since clients use that name for themselves; choose another`;
    if (!HANDLER_NAME.test(name))
      return `service ${service}: ${kind} ${JSON.stringify(name)} has to be a letter, then at most 62 letters, digits and _`;
    if (typeof handler !== "function") return `service ${service}: ${kind} ${name} has to be a function`;
    if (kind === "query" && isAsync(handler)) return `service ${service}: query ${name} is async; queries have to be synchronous`;
  }
  return null;
}

function checkBoth(service: string, operations: Record<string, unknown>, queries: Record<string, unknown>): string | null {
  const both = Object.keys(operations).find((name) => Object.hasOwn(queries, name));
  return both === undefined ? null : `service ${service}: ${both} is an operation and a query; give one of them another name`;
}

function checkSettings(
  service: string,
  value: Record<string, unknown>,
  operations: Record<string, unknown>,
  queries: Record<string, unknown>,
): string | null {
  const { styles, inputs, examples, invariants } = value;
  if (styles !== undefined) {
    if (!Array.isArray(styles) || styles.length === 0) return `service ${service}: styles has to name at least one of ${STYLES.join(", ")}`;
    const unknown = styles.find((style) => !STYLES.some((known) => known === style));
    if (unknown !== undefined) return `service ${service}: unknown style ${JSON.stringify(unknown)}; known are ${STYLES.join(", ")}`;
    const slow = Object.keys(operations).find((name) => isAsync(operations[name]));
    if (styles.includes("active") && slow !== undefined)
      return `service ${service}: operation ${slow} is async, which style active cannot run; make it synchronous, or leave active out of styles`;
  }
  if (inputs !== undefined) {
    if (!isRecord(inputs)) return `service ${service}: inputs has to be an object of schemas`;
    for (const [name, schema] of Object.entries(inputs)) {
      if (!Object.hasOwn(operations, name) && !Object.hasOwn(queries, name))
        return `service ${service}: inputs names ${name}, which is neither an operation nor a query`;
      if (schema !== undefined && !hasStandard(schema))
        return `service ${service}: the schema of ${name} is no Standard Schema (zod, valibot, arktype, ...)`;
    }
  }
  if (examples !== undefined) {
    if (!isRecord(examples)) return `service ${service}: examples has to be an object of lists or functions`;
    for (const [name, given] of Object.entries(examples)) {
      if (!Object.hasOwn(operations, name) && !Object.hasOwn(queries, name))
        return `service ${service}: examples names ${name}, which is neither an operation nor a query`;
      if (typeof given !== "function" && (!Array.isArray(given) || given.length === 0))
        return `service ${service}: the examples of ${name} have to be a list with at least one input, or a function that returns one`;
    }
  }
  return invariants === undefined ? null : checkInvariants(service, invariants);
}

function checkInvariants(service: string, invariants: unknown): string | null {
  if (!isRecord(invariants) || Object.values(invariants).some((check) => typeof check !== "function"))
    return `service ${service}: invariants has to be an object of functions`;
  // Its promise would be taken for a yes.
  const slow = Object.keys(invariants).find((name) => isAsync(invariants[name]));
  return slow === undefined ? null : `service ${service}: invariant ${JSON.stringify(slow)} is async; invariants have to be synchronous`;
}

function hasStandard(schema: unknown): boolean {
  return (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;
}

function isAsync(handler: unknown): boolean {
  return typeof handler === "function" && Object.prototype.toString.call(handler) === "[object AsyncFunction]";
}

/** The styles in which a service may run. */
export function stylesOf(service: Pick<AnyService, "operations" | "styles">): readonly Style[] {
  if (service.styles !== undefined) return service.styles;
  return Object.values(service.operations).some(isAsync) ? STYLES.filter(isPassive) : STYLES;
}
