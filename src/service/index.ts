/** What the author of a service imports from "troupe". */
export type { OperationContext, QueryContext } from "./context.js";
export {
  type AnyService,
  defineService,
  type OperationHandler,
  type OperationsOf,
  type QueriesOf,
  type QueryHandler,
  type ServiceDefinition,
} from "./define-service.js";
export type { ExampleDraw, Examples } from "./example.js";
export { StateRefusal, type StateRefusalCode } from "./journal/refusal.js";
export { refuse, ServiceRefusal } from "./refuse.js";
export type { StandardSchema } from "./schema.js";
export type { OperationCall, OperationOutcome, SnapshotCapture, StateMachine } from "./state-machine.js";
