import { encodeValue } from "../codec/value.js";
import type { AnyService } from "../service/define-service.js";
import type { ExampleDraw } from "../service/example.js";
import { type StandardSchema, validate } from "../service/schema.js";
import type { Call } from "../sim/services.js";
import { drawFromSchema, jsonSchemaOf } from "./schema-example.js";

/** An operation or query and where its inputs come from. */
export interface Source {
  readonly kind: Call["kind"];
  readonly name: string;
  /** Throws in words when the service's own function does. */
  draw(draw: ExampleDraw): unknown;
}

/** One that cannot be asked for, and why. */
export interface NotRun {
  readonly kind: Call["kind"];
  readonly name: string;
  readonly why: string;
}

/** What clients can ask of a service, and what not. */
export function sourcesOf(service: AnyService): { readonly sources: readonly Source[]; readonly notRun: readonly NotRun[] } {
  const sources: Source[] = [];
  const notRun: NotRun[] = [];
  const add = (kind: Call["kind"], handlers: Readonly<Record<string, unknown>>): void => {
    for (const [name, handler] of Object.entries(handlers)) {
      const drawInput = inputsOf(service, name, handler);
      if (typeof drawInput === "string") notRun.push({ kind, name, why: drawInput });
      else sources.push({ kind, name, draw: drawInput });
    }
  };
  add("operation", service.operations);
  add("query", service.queries);
  return { sources, notRun };
}

function inputsOf(service: AnyService, name: string, handler: unknown): Source["draw"] | string {
  const examples: unknown = service.examples?.[name];
  if (typeof examples === "function")
    return (draw) =>
      checked(
        name,
        fromFunction(name, () => examples(draw)),
      );
  // By number: no input at all may be one of them.
  if (Array.isArray(examples) && examples.length > 0) return (draw) => checked(name, examples[draw.integer(0, examples.length - 1)]);
  if (typeof handler === "function" && handler.length < 2) return () => undefined;
  const schema = service.inputs?.[name];
  const described = schema === undefined ? null : jsonSchemaOf(schema);
  if (schema !== undefined && described !== null) {
    const drawInput = (draw: ExampleDraw): unknown => drawValid(schema, described, draw);
    return drawInput;
  }
  return `no inputs to try it with are known: add examples: { ${name}: [...] } to the service, or (draw) => ... in place of the list`;
}

function fromFunction(name: string, make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    throw new Error(`examples.${name} throws: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function checked(name: string, input: unknown): unknown {
  try {
    if (input !== undefined) encodeValue(input);
    return input;
  } catch (error) {
    throw new Error(`examples.${name} gives what cannot be sent: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const TRIES = 20;

/** The last one is sent even if the schema refuses it: that is a case of its own. */
function drawValid(schema: StandardSchema, described: unknown, draw: ExampleDraw): unknown {
  let value: unknown;
  for (let tries = 0; tries < TRIES; tries += 1) {
    value = drawFromSchema(described, draw);
    if (validate(schema, value).ok) break;
  }
  return value;
}

const QUERY_SHARE = 0.2;

/** The next call of a client. There has to be a source. */
export function nextCall(sources: readonly Source[], draw: ExampleDraw): Call {
  const operations = sources.filter(({ kind }) => kind === "operation");
  const queries = sources.filter(({ kind }) => kind === "query");
  const isQuery = queries.length > 0 && (operations.length === 0 || draw.happens(QUERY_SHARE));
  const { kind, name, draw: drawInput } = draw.pick(isQuery ? queries : operations);
  return { kind, name, input: drawInput(draw) };
}
