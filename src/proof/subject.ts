import type { AnyService } from "../service/define-service.js";
import type { StateMachine } from "../service/state-machine.js";

/** The service that is to be proven. */
export interface Subject {
  /** The service with variables of its own, as a server process that starts has it. */
  newService(): AnyService;
  /** In place of `serviceMachine`, for a test of what is looked at. */
  readonly makeMachine?: (service: AnyService) => StateMachine;
}
