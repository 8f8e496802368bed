/** `troupe/testing`: for those who test services. */
export { type ProveOptions, prove } from "./prove.js";
export { type ServiceTrial, TrialFailure, type TrialOptions, TrialRefusal, trialOf } from "./service-trial.js";
