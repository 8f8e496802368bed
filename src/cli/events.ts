import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { TroupeEvent } from "../vocabulary/admin.js";
import { eventText, followEvents, readEvents } from "./event-stream.js";
import { readStatus } from "./gateway-api.js";
import { show, type TargetOptions, wholeNumber, withExample, withTarget } from "./output.js";

interface EventsOptions extends TargetOptions {
  readonly after: number;
  readonly follow?: boolean;
}

/** Without --follow: a gateway that tells nothing for so long has nobody who tells it anything. */
const SILENCE_MAX_MS = 10_000;
const RECONNECT_MS = 500;

export function addEvents(program: Command): void {
  const command = program
    .command("events")
    .description("prints what has happened, each decision with its reason")
    .option("--follow", "goes on as things happen, until Ctrl-C")
    .option("--after <id>", "only events after this one", wholeNumber, 0);
  withExample(withTarget(command), "troupe events --follow").action(async (options: EventsOptions) => {
    // A system that is not there is said at once; one that goes away later is waited for.
    await readStatus(options);
    if (options.follow === true) await followForever(options);
    else for await (const event of readEvents(options, options.after, SILENCE_MAX_MS)) print(options, event);
  });
}

function print(options: EventsOptions, event: TroupeEvent): void {
  show(options.json === true, event, eventText(event));
}

async function followForever(options: EventsOptions): Promise<never> {
  let last = options.after;
  for (;;) {
    try {
      for await (const event of followEvents(options, last)) {
        last = event.id;
        print(options, event);
      }
    } catch {
      // The gateway is being restarted: it goes on where it was.
    }
    await sleep(RECONNECT_MS);
  }
}
