import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { hasCode } from "../../runtime/error-code.js";
import { LIMITS } from "../../vocabulary/limit.js";
import { addAdmin } from "./admin.js";
import type { Backend } from "./backend.js";
import { answerFailure, failure, HttpFailure } from "./failure.js";
import { createMetrics } from "./metrics.js";
import { addObservation } from "./observation.js";
import { addPage } from "./page.js";
import { guard, type OwnNames } from "./security.js";
import { addWork } from "./work.js";

/** JSON is longer than what is stored of it; twice the largest payload holds any input that is taken. */
const BODY_SIZE_BYTES_MAX = 2 * LIMITS.payloadSizeBytesMax;

/** The whole HTTP interface (docs/reference/http.md) over a backend. `onBug`: an error that is nobody's input. */
export function createApp(backend: Backend, own: OwnNames, onBug: (error: Error) => void): Hono {
  const app = new Hono();
  const metrics = createMetrics();
  app.use(metrics.measure);
  app.use(guard(own));
  app.use(
    bodyLimit({
      maxSize: BODY_SIZE_BYTES_MAX,
      onError: () => {
        throw failure("too-large", `The body is larger than ${BODY_SIZE_BYTES_MAX} bytes.`);
      },
    }),
  );
  addWork(app, backend);
  addObservation(app, backend);
  addAdmin(app, backend);
  metrics.add(app, backend);
  addPage(app, backend);
  app.notFound((c) =>
    answerFailure(
      c,
      new HttpFailure("not-found", "not-executed", 404, `There is no ${c.req.method} ${c.req.path}; see docs/reference/http.md.`),
    ),
  );
  app.onError((error, c) => {
    if (error instanceof HttpFailure) return answerFailure(c, error);
    // Its caller went away in the middle of the body: nobody hears this, and nothing was asked of the group.
    if (hasCode(error, "ECONNRESET")) return answerFailure(c, failure("bad-request", "The connection ended before the body did."));
    onBug(error);
    return answerFailure(
      c,
      new HttpFailure("internal", "unknown", 500, "The gateway has met an error of its own; its log has the details."),
    );
  });
  return app;
}
