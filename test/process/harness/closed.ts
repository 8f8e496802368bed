import { type Installation, untilNothingLeft } from "./installation.js";
import { processesNaming } from "./process-table.js";

/** Starts `up` on a group that will not serve, looks at it, and ends it again, whatever was seen. */
export async function whileClosed(at: Installation, look: () => Promise<void>): Promise<void> {
  const starting = at.startAgain().then(
    () => "ready",
    () => "ended",
  );
  try {
    await look();
  } finally {
    for (const { pid, command } of processesNaming(at.dir)) if (command.includes("troupe.js up")) process.kill(pid, "SIGTERM");
    await starting;
    await untilNothingLeft(at.dir);
  }
  if ((await starting) === "ready") throw new Error("the group was to stay closed, and serves");
}
