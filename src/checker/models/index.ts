import type { OperationRecord } from "../history.js";
import type { Model } from "../model.js";
import { appendListModel } from "./append-list.js";
import { bankModel } from "./bank.js";
import { counterModel } from "./counter.js";
import { registerModel } from "./register.js";
import { setModel } from "./set.js";

export const models: readonly Model[] = [registerModel, counterModel, bankModel, appendListModel, setModel];

/** Other names under which a model may be asked for. */
const otherNames = new Map([
  ["kv", "register"],
  ["list", "append-list"],
]);

export function modelNamed(name: string): Model | undefined {
  const wanted = otherNames.get(name) ?? name;
  return models.find((model) => model.name === wanted);
}

/** The one model that all records fit; otherwise why there is none, and what to do. */
export function detectModel(records: readonly OperationRecord[]): Model | string {
  const fitting = models.filter((model) => records.every((record) => model.misfit(record) === undefined));
  const [model] = fitting;
  if (model !== undefined && fitting.length === 1) return model;
  if (model !== undefined)
    return `the operations fit several models (${fitting.map(({ name }) => name).join(", ")}): say which with --model`;
  const nearest = models
    .map((each) => ({ each, misfits: records.filter((record) => each.misfit(record) !== undefined) }))
    .reduce((best, next) => (next.misfits.length < best.misfits.length ? next : best));
  const misfit = nearest.misfits[0];
  const why =
    misfit === undefined
      ? ""
      : `; nearest is ${nearest.each.name}, but for operation ${records.indexOf(misfit) + 1}: ${nearest.each.misfit(misfit)}`;
  return `the operations fit no model (${models.map(({ name }) => name).join(", ")})${why}`;
}
