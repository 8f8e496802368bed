import { troupeCaller } from "./caller.js";
import type { Installation } from "./installation.js";

/** Makes the state so many pieces large, of which some may be there already. */
export async function loadBallast(at: Installation, pieceKib: number, pieces: number): Promise<void> {
  const caller = await troupeCaller(at);
  const count = Number((await caller.query("ballastCount")).result);
  for (let piece = count; piece < pieces; piece++) {
    const answer = await caller.operate("load", pieceKib);
    if (answer.outcome !== "ok") throw new Error(`the ballast is not loaded: ${JSON.stringify(answer)}`);
  }
  await caller.close();
}
