/** The stand-in for an executor: a service whose state is a list of words, with undo, redo and snapshots. */
import { unreachable } from "../../../vocabulary/assert.js";
import type { ExecutionCommand, ExecutionCompletion } from "../../../vocabulary/execution.js";
import type { Reply } from "../../../vocabulary/session.js";

export interface ListService {
  words: string[];
  /** Lengths before executions that were not released. */
  undo: { readonly ticket: number; readonly length: number }[];
}

export function createService(words: readonly string[] = []): ListService {
  return { words: [...words], undo: [] };
}

/** ASCII only. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function ok(text: string): Reply {
  return { refused: false, bytes: bytesOf(text) };
}

/** `append` adds the input and answers with the new length; `fail` refuses. The query answers with all words. */
export function perform(service: ListService, command: ExecutionCommand): ExecutionCompletion | null {
  switch (command.kind) {
    case "execute": {
      if (!command.settled) service.undo.push({ ticket: command.ticket, length: service.words.length });
      const { ticket } = command;
      if (command.operation === "fail")
        return { kind: "executed", ticket, reply: { refused: true, bytes: bytesOf("no") }, redo: new Uint8Array(0) };
      service.words.push(textOf(command.input));
      return {
        kind: "executed",
        ticket,
        reply: ok(String(service.words.length)),
        redo: command.settled ? new Uint8Array(0) : command.input,
      };
    }
    case "apply-update":
      service.words.push(textOf(command.redo));
      return { kind: "update-applied", ticket: command.ticket };
    case "release":
      service.undo = service.undo.filter((undo) => undo.ticket > command.throughTicket);
      return null;
    case "undo-unreleased":
      service.words.length = service.undo[0]?.length ?? service.words.length;
      service.undo = [];
      return null;
    case "query":
      return { kind: "query-answered", ticket: command.ticket, reply: ok(service.words.join(" ")) };
    default:
      return unreachable(command);
  }
}
