import { type Command, Option } from "commander";
import { DEFAULTS } from "../vocabulary/limit.js";
import { CONSISTENCIES } from "../vocabulary/message-client.js";
import { askOk, chooseGroup, failureOf, ask, field, operate } from "./gateway-api.js";
import { EXIT, Failure, print, type TargetOptions, wholeNumber, withExample, withTarget } from "./output.js";

interface CallOptions extends TargetOptions {
  readonly group?: string;
  readonly key?: string;
  readonly timeout: number;
  readonly consistency?: string;
}

export function addCall(program: Command): void {
  const command = program
    .command("call")
    .description("calls an operation or query of the service, exactly once")
    .argument("<name>", "the operation or query")
    .argument("[input]", "its input as JSON; what is no JSON is taken as text")
    .option("--group <group>", "the group; may be left out when there is one")
    .option("--key <key>", "of an operation, the Idempotency-Key: a call that is repeated with it is executed once")
    .option("--timeout <ms>", "milliseconds to wait for the answer", wholeNumber, DEFAULTS.requestTimeoutMs)
    .addOption(new Option("--consistency <kind>", "of a query (default: linearizable)").choices(CONSISTENCIES));
  withExample(withTarget(command), 'troupe call deposit \'{"account":"ann","amount":5}\'', "troupe call total").action(
    async (name: string, input: string | undefined, options: CallOptions) => {
      const body = await call(name, input === undefined ? undefined : inputOf(input), options);
      print(options.json === true ? JSON.stringify(body) : JSON.stringify(field(body, "result"), null, 2));
    },
  );
}

async function call(name: string, input: unknown, options: CallOptions): Promise<unknown> {
  const group = options.group ?? (await chooseGroup(options)).group;
  const members = await askOk(options, "GET", `/v1/groups/${encodeURIComponent(group)}/members`);
  const path = (kind: string) => `/v1/groups/${encodeURIComponent(group)}/${kind}/${encodeURIComponent(name)}`;
  const isOperation = holds(members, "operations", name);
  if (isOperation && options.consistency !== undefined)
    throw new Failure(EXIT.usage, `${name} is an operation, and --consistency is of queries: an operation sees everything before it.`);
  if (isOperation) return operate(options, path("operations"), input, options.timeout, options.key);
  if (!holds(members, "queries", name))
    throw new Failure(
      EXIT.failed,
      `The group ${group} has no operation or query ${name}. Operations: ${listOf(members, "operations")}. Queries: ${listOf(members, "queries")}.`,
    );
  if (options.key !== undefined)
    throw new Failure(EXIT.usage, `${name} is a query, and --key is of operations: a query changes nothing, and may be repeated as it is.`);
  const consistency = options.consistency === undefined ? "" : `?consistency=${encodeURIComponent(options.consistency)}`;
  const answer = await ask(options, "POST", `${path("queries")}${consistency}`, input, { "troupe-timeout-ms": String(options.timeout) });
  if (answer.status >= 300) throw failureOf(answer);
  return answer.body;
}

function namesOf(members: unknown, kind: string): readonly unknown[] {
  const names = field(members, kind);
  return Array.isArray(names) ? names : [];
}

function holds(members: unknown, kind: string, name: string): boolean {
  return namesOf(members, kind).includes(name);
}

function listOf(members: unknown, kind: string): string {
  return namesOf(members, kind).join(", ") || "none";
}

/** `5`, `"text"`, `{...}`; and `text` as it is, since a shell takes quotes away. */
function inputOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (/^\s*[{[]/.test(text)) throw new Failure(EXIT.usage, `The input looks like JSON, but is not: ${text}`);
    return text;
  }
}
