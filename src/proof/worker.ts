import { parentPort, workerData } from "node:worker_threads";
import type { Job, WorkerSetup } from "./job.js";
import { proveSeed } from "./run.js";
import { serviceMaker } from "./service-code.js";
import type { Subject } from "./subject.js";
import { outlineOf, runnable } from "./trial-run.js";

/** What `openWorkshop` has given to this thread. */
const { service, without } = workerData as WorkerSetup;
const subject: Subject = { newService: serviceMaker(service) };

async function answer(job: Job): Promise<unknown> {
  if (job.kind === "outline") return outlineOf(subject, without);
  return proveSeed(subject, runnable(subject.newService(), job.outline, without), job);
}

parentPort?.on("message", (job: Job) => {
  answer(job).then(
    (value) => parentPort?.postMessage({ value }),
    (error: unknown) => parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) }),
  );
});
