// Loaded into every process of an installation that is profiled; only servers do anything. SIGUSR2 starts a CPU profile, and the next
// one ends it and writes it to $TROUPE_BENCH_PROFILES/<replica>.cpuprofile. (Node refuses --cpu-prof in NODE_OPTIONS.)
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { basename, join } from "node:path";

const folder = process.env.TROUPE_BENCH_PROFILES;
const at = process.argv.indexOf("--dir");

if (folder !== undefined && process.argv[2] === "server" && at > 0) {
  const session = new Session();
  let isRunning = false;
  process.on("SIGUSR2", () => {
    if (!isRunning) {
      isRunning = true;
      session.connect();
      session.post("Profiler.enable");
      session.post("Profiler.setSamplingInterval", { interval: 200 });
      session.post("Profiler.start");
      return;
    }
    isRunning = false;
    session.post("Profiler.stop", (error, result) => {
      if (error !== null) return;
      const path = join(folder, `${basename(process.argv[at + 1])}.cpuprofile`);
      writeFileSync(`${path}.new`, JSON.stringify(result.profile));
      renameSync(`${path}.new`, path);
      session.disconnect();
    });
  });
}
