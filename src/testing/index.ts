/** `troupe/testing`: for those who test services. */
export { type ServiceTrial, TrialFailure, type TrialOptions, TrialRefusal, trialOf } from "./service-trial.js";
