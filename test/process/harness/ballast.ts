import { troupeCaller } from "./caller.js";
import type { Installation } from "./installation.js";

/** On their way at a time: one after the other, each would wait for the disks alone. */
const AT_A_TIME = 4;

/** Makes the state so many pieces large, of which some may be there already. */
export async function loadBallast(at: Installation, pieceKib: number, pieces: number): Promise<void> {
  const caller = await troupeCaller(at);
  let piece = Number((await caller.query("ballastCount")).result);
  const loadOn = async (): Promise<void> => {
    while (piece++ < pieces) {
      const answer = await caller.operate("load", pieceKib);
      if (answer.outcome !== "ok") throw new Error(`the ballast is not loaded: ${JSON.stringify(answer)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, loadOn));
  await caller.close();
}
