/** Of worlds that are the same but for names the one that stands for all (`renamings.ts` says which are): by the numbers of their parts. */
import { envelopeAt, envelopeNumber, hostAt, keep } from "./catalog.js";
import type { Host } from "./host-state.js";
import type { Ledger } from "./ledger.js";
import { renamedLife } from "./life.js";
import { numberOf, objectAt } from "./object-table.js";
import { renamed, renamedReplica, renamedRm, renamedText, renamedWord } from "./renaming.js";
import type { Twin } from "./renamings.js";
import { intern, sequenceAt } from "./sequence-table.js";
import type { Rm, Space } from "./world.js";

function known(numbers: number[], number: number, make: () => number): number {
  const found = numbers[number];
  if (found !== undefined) return found;
  const made = make();
  numbers[number] = made;
  return made;
}

function hostTwin({ catalog }: Space, { renaming, hosts }: Twin, number: number): number {
  return known(hosts, number, () => {
    const { life, ...parts } = hostAt(catalog, number);
    const host = renamed(renaming, parts) as Omit<Host, "life">;
    return keep(catalog, { ...host, life: { ...life, replica: renamedReplica(renaming, life.replica) } });
  });
}

function envelopeTwin({ catalog }: Space, { renaming, envelopes }: Twin, number: number): number {
  return known(envelopes, number, () => {
    const { from, replica, life, connection, rm, message } = envelopeAt(catalog, number);
    const named = (one: number): number => renamedReplica(renaming, one);
    return envelopeNumber(catalog, {
      from: renamedLife(from, named),
      replica: replica === 0 ? 0 : named(replica),
      life: renamedLife(life, named),
      connection: renamed(renaming, connection),
      rm: rm < 0 ? rm : renamedRm(renaming, rm),
      message: Object.freeze(renamed(renaming, message)),
    });
  });
}

function netTwin(space: Space, twin: Twin, number: number): number {
  return known(twin.nets, number, () => {
    const messages = [...sequenceAt(space.nets, number)].map((message) => envelopeTwin(space, twin, message));
    return intern(
      space.nets,
      messages.sort((a, b) => a - b),
    );
  });
}

function ledgerTwin({ ledgers }: Space, { renaming, ledgers: made }: Twin, number: number): number {
  return known(made, number, () => {
    const { committed, answers, read, seen } = objectAt(ledgers, number);
    const words = (text: string): string[] => text.split(" ").map((word) => renamedWord(renaming, word));
    const twin: Ledger = {
      committed: committed.map(({ text, identity, word }) => ({
        text: renamedText(renaming, text),
        identity: identity === null ? null : renamedText(renaming, identity),
        word: word === "" ? "" : renamedWord(renaming, word),
      })),
      answers: answers.map((_, i) => answers[renaming.requests.indexOf(i + 1)] ?? ""),
      read: read === null ? null : { ...read, mustHold: words(read.mustHold).sort().join(" ") },
      seen: words(seen).join(" "),
    };
    return numberOf(ledgers, twin);
  });
}

function storeTwin({ stores }: Space, { renaming, stores: made }: Twin, number: number): number {
  return known(made, number, () => numberOf(stores, renamed(renaming, objectAt(stores, number))));
}

function rmTwin({ rms }: Space, { renaming, rms: made }: Twin, number: number): number {
  return known(made, number, () => {
    const rm = objectAt(rms, number);
    const twin: Rm = { ...renamed(renaming, rm), rm: renamedRm(renaming, rm.rm) };
    return numberOf(rms, twin);
  });
}

/** The world with the names exchanged, into `into`. */
export function twinOf(space: Space, twin: Twin, row: Int32Array, into: Int32Array): void {
  const { layout } = space;
  const { renaming } = twin;
  for (let i = 0; i < layout.net; i++) into[renamedReplica(renaming, i + 1) - 1] = hostTwin(space, twin, row[i] ?? 0);
  into[layout.net] = netTwin(space, twin, row[layout.net] ?? 0);
  into[layout.ledger] = ledgerTwin(space, twin, row[layout.ledger] ?? 0);
  into[layout.store] = storeTwin(space, twin, row[layout.store] ?? 0);
  for (let rm = 0; layout.rm + rm < layout.budget; rm++) {
    into[layout.rm + renamedRm(renaming, rm)] = rmTwin(space, twin, row[layout.rm + rm] ?? 0);
  }
  into[layout.budget] = row[layout.budget] ?? 0;
}

function compareRows(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return 0;
}

/** The one of the world and its twins that stands for them all, into `into`: the least, as a row of numbers. */
export function representative(space: Space, row: Int32Array, into: Int32Array): void {
  const { twins } = space;
  into.set(row);
  if (twins.length === 0) return;
  const made = new Int32Array(row.length);
  for (const twin of twins) {
    twinOf(space, twin, row, made);
    if (compareRows(made, into) < 0) into.set(made);
  }
}

/** How many worlds this one stands for. */
export function orbitSize(space: Space, row: Int32Array): number {
  const { twins } = space;
  // Renamings are a group: those that leave the world as it is divide it evenly.
  let fixed = 1;
  const made = new Int32Array(row.length);
  for (const twin of twins) {
    twinOf(space, twin, row, made);
    if (compareRows(made, row) === 0) fixed++;
  }
  return (twins.length + 1) / fixed;
}
