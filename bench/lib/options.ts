import { parseArgs } from "node:util";

/** What can be asked for: its name, its default, and what it means. A default of `false` is a switch. */
export type OptionTable = Readonly<Record<string, { readonly default: string | false; readonly means: string }>>;

export interface Options {
  text(name: string): string;
  count(name: string): number;
  is(name: string): boolean;
}

/** Reads a command line by its table; `--help` and mistakes end the process with the table. */
export function readOptions(program: string, table: OptionTable, args: readonly string[]): Options {
  const fail = (message: string): never => {
    process.stderr.write(`${message}\n${helpOf(program, table)}\n`);
    process.exit(2);
  };
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { default: value }]) => [
      name,
      { type: value === false ? ("boolean" as const) : ("string" as const), default: value },
    ]),
  );
  let values: Record<string, unknown> = {};
  try {
    ({ values } = parseArgs({ args: [...args], options: { ...options, help: { type: "boolean" } } }));
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  if (values.help === true) {
    process.stdout.write(`${helpOf(program, table)}\n`);
    process.exit(0);
  }
  return {
    text: (name) => String(values[name]),
    count(name) {
      const value = Number(values[name]);
      return Number.isInteger(value) && value > 0 ? value : fail(`--${name} takes a whole number from 1.`);
    },
    is: (name) => values[name] === true,
  };
}

function helpOf(program: string, table: OptionTable): string {
  const lines = Object.entries(table).map(([name, option]) => {
    const value = option.default === false || option.default === "" ? "" : ` (default: ${option.default})`;
    return `  --${name.padEnd(14)} ${option.means}${value}`;
  });
  return [`npm run bench:${program} -- [options]`, ...lines].join("\n");
}
