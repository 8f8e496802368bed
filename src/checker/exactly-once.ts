/**
 * Cheap checks of a whole history for lost and doubled effects (S6), for long fault runs: near linear time where the search for a
 * linearization may be costly. Each takes what a workload that is made for it recorded: adds, appends of unique values, payments.
 */
export { checkAppendedOnce, checkAppendedOnceToKey } from "./append-effects.js";
export { checkPaidOnce } from "./bank-effects.js";
export { checkAddedOnce } from "./counter-effects.js";
export { checkUniqueResults } from "./effects.js";
