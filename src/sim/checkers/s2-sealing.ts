import { compareEpochs, type Epoch, epochText } from "../../vocabulary/epoch.js";
import type { Message } from "../../vocabulary/message.js";
import type { RunningServer } from "../running.js";
import { violate } from "../world.js";
import { checkAck } from "./l-log.js";
import { durableOf, type Ledger } from "./ledger.js";

/** S2: once sealed, nothing of a lower epoch; and a Seal's answer covers all that was acknowledged. */
export function checkSent(ledger: Ledger, server: RunningServer, message: Message): void {
  const { incarnation } = server;
  switch (message.kind) {
    case "sealed": {
      const acked = ledger.acked.get(incarnation);
      const position = { epoch: message.lastEpoch, index: message.lastIndex };
      if (acked !== undefined && comparePositions(position, acked) < 0)
        violate(
          ledger.world,
          "S2b",
          `${server.process.name} answers Seal ${epochText(message.epoch)} with ${text(position)}, and had acknowledged ${text(acked)}`,
        );
      checkDurable(ledger, server, message);
      const sealed = ledger.sealed.get(incarnation);
      if (sealed === undefined || compareEpochs(message.epoch, sealed) > 0) ledger.sealed.set(incarnation, message.epoch);
      return;
    }
    case "append-ack": {
      checkEpoch(ledger, server, message.kind, message.epoch);
      checkAck(ledger, server, message);
      const log = ledger.durable.get(incarnation);
      const entryEpoch = log?.epochs[message.index - (log?.baseIndex ?? 0) - 1];
      const before = ledger.acked.get(incarnation);
      if (entryEpoch === undefined) return;
      const position = { epoch: entryEpoch, index: message.index };
      if (before === undefined || comparePositions(position, before) > 0) ledger.acked.set(incarnation, position);
      return;
    }
    case "confirmed":
      return checkEpoch(ledger, server, message.kind, message.epoch);
    default:
      return;
  }
}

/** S2a: the promise is on the disk. S2b: so is all that the answer speaks of, and nothing else is on its way there. */
function checkDurable(ledger: Ledger, server: RunningServer, message: Extract<Message, { readonly kind: "sealed" }>): void {
  const { world } = ledger;
  const name = `${server.process.name} answers Seal ${epochText(message.epoch)}`;
  const promised = ledger.promised.get(server.incarnation);
  if (promised === undefined || compareEpochs(promised, message.epoch) < 0)
    violate(world, "S2a", `${name}, and its disk holds the promise ${promised === undefined ? "of none" : epochText(promised)}`);
  const log = durableOf(ledger, server.incarnation);
  const endIndex = log.baseIndex + log.epochs.length;
  if (log.pending.length > 0 || message.lastIndex !== endIndex)
    violate(
      world,
      "S2b",
      `${name} with a log through ${message.lastIndex}: its disk ends at ${endIndex}, ${log.pending.length} writes are on their way`,
    );
}

function checkEpoch(ledger: Ledger, server: RunningServer, kind: string, epoch: Epoch): void {
  const sealed = ledger.sealed.get(server.incarnation);
  if (sealed !== undefined && compareEpochs(epoch, sealed) < 0)
    violate(
      ledger.world,
      "S2a",
      `${server.process.name} sends ${kind} of ${epochText(epoch)} after it was sealed for ${epochText(sealed)}`,
    );
}

interface Position {
  readonly epoch: Epoch;
  readonly index: number;
}

function comparePositions(a: Position, b: Position): number {
  const byEpoch = compareEpochs(a.epoch, b.epoch);
  return byEpoch !== 0 ? byEpoch : a.index - b.index;
}

function text(position: Position): string {
  return `${epochText(position.epoch)}/${position.index}`;
}
