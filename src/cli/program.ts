import { Command } from "commander";
import { installedVersion } from "../config/installation.js";
import { addBackup } from "./backup-command.js";
import { addCall } from "./call.js";
import { addChangeCommands } from "./change-command.js";
import { addComponents } from "./component-command.js";
import { addConfig } from "./config-command.js";
import { addDown } from "./down.js";
import { addEvents } from "./events.js";
import { addCheck } from "./history.js";
import { addInspect } from "./inspect-command.js";
import { addLogs } from "./logs.js";
import { addRecover } from "./recover-command.js";
import { addReplicaCommands } from "./replica-command.js";
import { addRestore } from "./restore-command.js";
import { addSimulate } from "./simulate.js";
import { addStatus } from "./status.js";
import { addUp } from "./up.js";

/** All commands. `docs/reference/cli.md` is checked against it. */
export function createProgram(): Command {
  const program = new Command("troupe")
    .description("Runs a TypeScript service as several replicas that stand in for one another.")
    .version(installedVersion())
    .showHelpAfterError("(--help shows what there is)")
    .addHelpText("after", "\nExample:\n  troupe up bank --load");
  addUp(program);
  addDown(program);
  addStatus(program);
  addCall(program);
  addReplicaCommands(program);
  addChangeCommands(program);
  addBackup(program);
  addRestore(program);
  addRecover(program);
  addEvents(program);
  addLogs(program);
  addCheck(program);
  addInspect(program);
  addConfig(program);
  addSimulate(program);
  addComponents(program);
  return program;
}
