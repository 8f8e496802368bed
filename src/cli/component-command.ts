import { resolve } from "node:path";
import type { Command } from "commander";
import { keepCompiled } from "../runtime/compiling.js";
import { hasCode, reasonOf } from "../runtime/error-code.js";
import { FolderInUse } from "../runtime/folder-lock.js";
import { createLogger } from "../runtime/log.js";
import { DIR_OPTION, EXIT, withExample } from "./output.js";

interface ComponentOptions {
  readonly dir: string;
  readonly host?: string;
  readonly spec?: string;
}

/**
 * One sub-command a component, for running each by hand or under systemd; `troupe up` and the LFD start the very same. Each reads
 * DIR/config.json, and is loaded only when it is wanted.
 */
export function addComponents(program: Command): Command {
  addComponent(program, "rm", "runs the Replication Manager", async ({ dir }) => {
    keepCompiled();
    await (await import("../rm/process/main.js")).runRm({ dir });
  });
  addComponent(program, "gfd", "runs the Global Fault Detector", async ({ dir }) => {
    keepCompiled();
    await (await import("../gfd/process/main.js")).runGfd({ dir });
  });
  addComponent(
    program,
    "lfd",
    "runs the Local Fault Detector of this host",
    async ({ dir, host }) => {
      keepCompiled();
      await (await import("../lfd/process/main.js")).runLfd({ dir, hostId: host ?? "host-1" });
    },
    (command) => command.option("--host <name>", "name of this host", "host-1"),
  );
  addComponent(
    program,
    "server",
    "runs one replica; --dir is the replica's own folder",
    async ({ dir, spec }) => (await import("../server/process/main.js")).runServer({ dir, specFile: resolve(spec ?? "") }),
    (command) => command.requiredOption("--spec <file>", "what to run, as the LFD writes it"),
  );
  addComponent(program, "gateway", "runs the HTTP gateway", async ({ dir }) =>
    (await import("../gateway/process/main.js")).runGateway({ dir }),
  );
  return program;
}

function addComponent(
  program: Command,
  name: string,
  description: string,
  run: (options: ComponentOptions) => Promise<unknown>,
  extend: (command: Command) => Command = (command) => command,
): void {
  const command = program
    .command(name)
    .description(description)
    .option(...DIR_OPTION);
  const example =
    name === "server"
      ? "troupe server --dir .troupe/replicas/bank-1 --spec .troupe/replicas/bank-1.spec.json"
      : `troupe ${name} --dir .troupe`;
  withExample(extend(command), example).action(async (options: ComponentOptions) => {
    try {
      await run({ ...options, dir: resolve(options.dir) });
    } catch (error) {
      createLogger(name).fatal({ err: error }, reasonOf(error));
      // What a start fails at (a port, a lock, a file) is there at the next start too, unless the system itself says it may pass.
      process.exit(isPassing(error) ? EXIT.failed : EXIT.gaveUp);
    }
  });
}

const PASSING_CODES: readonly string[] = ["ENOSPC", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EIO"];

function isPassing(error: unknown): boolean {
  // A folder is free as soon as the process that held it has ended.
  if (error instanceof FolderInUse) return true;
  return hasCode(error, ...PASSING_CODES);
}
