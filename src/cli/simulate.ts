import type { Command } from "commander";

/** The simulator reads its own arguments, and is loaded only when it is wanted. */
export function addSimulate(program: Command): void {
  program
    .command("simulate")
    .description("runs a service, or the cores alone, in the simulator, with faults, from a seed")
    .argument("[service]", "bank, counter, kv, or the path of a service file; without one the simulator runs services of its own")
    .argument("[options...]", "of the simulator; `troupe simulate -- --help` and `troupe simulate bank -- --help` show them")
    .allowUnknownOption()
    .addHelpText("after", "\nExample:\n  troupe simulate my-service.ts\n  troupe simulate --seed 7")
    .action(async (_: string | undefined, __: readonly string[], ___: unknown, command: Command) => {
      const { isServiceName, simulateService } = await import("./simulate-service.js");
      const { runSimulation } = await import("../sim/main.js");
      const { args } = command;
      const at = args.findIndex(isServiceName);
      const service = args[at];
      process.exitCode =
        service === undefined ? await runSimulation(args) : await simulateService(service, [...args.slice(0, at), ...args.slice(at + 1)]);
    });
}
