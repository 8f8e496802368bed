import { Worker } from "node:worker_threads";
import type { Workshop } from "./conduct.js";
import type { Job, WorkerSetup } from "./job.js";

/** A run takes some seconds: one that does not end is a handler that does not. */
const LIMIT_MS = 180_000;

/** Runs on so many threads. `close` ends them. */
export function openWorkshop(setup: WorkerSetup, width: number): Workshop & { close(): Promise<void> } {
  const workers = Array.from({ length: width }, () => new Worker(new URL("./worker.js", import.meta.url), { workerData: setup }));
  const free = [...workers];
  const waiting: ((worker: Worker) => void)[] = [];

  async function ask<T>(job: Job): Promise<T> {
    const worker = free.pop() ?? (await new Promise<Worker>((resolve) => waiting.push(resolve)));
    try {
      return await answerOf<T>(worker, job);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free.push(worker);
      else next(worker);
    }
  }

  return {
    width,
    outline: () => ask({ kind: "outline" }),
    run: (style, seed, outline) => ask({ kind: "run", style, seed, outline }),
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function answerOf<T>(worker: Worker, job: Job): Promise<T> {
  return new Promise((resolve, reject) => {
    const what = job.kind === "run" ? `The run of seed ${job.seed} in style ${job.style}` : "The first trial of the service";
    const alarm = setTimeout(
      () =>
        end(() => reject(new Error(`${what} has not ended after ${LIMIT_MS / 1_000} s: a handler does not return, or takes very long.`))),
      LIMIT_MS,
    );
    const onMessage = (answer: { readonly value?: T; readonly error?: string }): void =>
      end(() => (answer.error === undefined ? resolve(answer.value as T) : reject(new Error(answer.error))));
    const onError = (error: Error): void => end(() => reject(error));
    const onExit = (): void => end(() => reject(new Error(`${what} has ended the thread that it was in.`)));
    const end = (settle: () => void): void => {
      clearTimeout(alarm);
      worker.off("message", onMessage);
      worker.off("error", onError);
      worker.off("exit", onExit);
      settle();
    };
    worker.on("message", onMessage);
    worker.on("error", onError);
    worker.on("exit", onExit);
    worker.postMessage(job);
  });
}
