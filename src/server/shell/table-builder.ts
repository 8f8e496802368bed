import type { SessionTable } from "../core/session-record.js";
import { addRows, startBuild } from "../core/table-build.js";
import type { TableImage } from "../../vocabulary/session.js";
import type { Later } from "./snapshot-writer.js";

/** Makes the table of a snapshot: a small one at once, of a large one a piece a turn, so that heartbeats are answered meanwhile. */
export function buildTable(image: TableImage, later: Later, done: (table: SessionTable) => void): void {
  const build = startBuild(image);
  const goOn = (): void => {
    if (addRows(build)) done(build.table);
    else later(0, goOn);
  };
  goOn();
}
