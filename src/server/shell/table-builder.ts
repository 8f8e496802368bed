import type { SessionTable } from "../core/session-record.js";
import { addRows, startBuild } from "../core/table-build.js";
import type { TableImage } from "../../vocabulary/session.js";
import type { Later } from "./snapshot-writer.js";

const NO_ROWS: TableImage = { sessions: [], keys: [] };

/**
 * Makes the table of a snapshot, an empty one where there is none: a small one at once, of a large one a piece a turn, so that heartbeats are
 * answered meanwhile.
 */
export function buildTable(image: TableImage | null, later: Later, done: (table: SessionTable) => void): void {
  const build = startBuild(image ?? NO_ROWS);
  const goOn = (): void => {
    if (addRows(build)) done(build.table);
    else later(0, goOn);
  };
  goOn();
}
