/** The executor's stand-in: a service whose state is a list of words, with undo. It completes each command at once. */
import { unreachable } from "../vocabulary/assert.js";
import type { ExecutionCommand, ExecutionCompletion } from "../vocabulary/execution.js";

export interface WordList {
  words: string[];
  /** Lengths before executions that were not released. */
  undo: { readonly ticket: number; readonly length: number }[];
}

export function createWordList(words: readonly string[] = []): WordList {
  return { words: [...words], undo: [] };
}

/** ASCII only. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function wordOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

const NO_BYTES = new Uint8Array(0);

/** An operation adds its input and answers with the new length; the query answers with all words. */
export function perform(list: WordList, command: ExecutionCommand): ExecutionCompletion | null {
  switch (command.kind) {
    case "execute": {
      const { ticket, settled, input } = command;
      if (!settled) list.undo.push({ ticket, length: list.words.length });
      list.words.push(wordOf(input));
      const reply = { refused: false, bytes: bytesOf(String(list.words.length)) };
      return { kind: "executed", ticket, reply, redo: settled ? NO_BYTES : input };
    }
    case "apply-update":
      list.words.push(wordOf(command.redo));
      return { kind: "update-applied", ticket: command.ticket };
    case "release":
      list.undo = list.undo.filter((undo) => undo.ticket > command.throughTicket);
      return null;
    case "undo-unreleased":
      list.words.length = list.undo[0]?.length ?? list.words.length;
      list.undo = [];
      return null;
    case "query":
      return { kind: "query-answered", ticket: command.ticket, reply: { refused: false, bytes: bytesOf(list.words.join(" ")) } };
    default:
      return unreachable(command);
  }
}
