import type { Connection } from "../../runtime/connection.js";
import { dial } from "../../runtime/dialer.js";
import { randomId } from "../../runtime/random.js";
import { bootId } from "../../vocabulary/ids.js";
import { PROTOCOL_VERSION } from "../../vocabulary/limit.js";
import type { Hello, Message } from "../../vocabulary/message.js";
import type { ClientMessage } from "../../vocabulary/message-client.js";
import type { Discovery } from "./discovery.js";

export type BackupSlice = Extract<ClientMessage, { readonly kind: "backup-slice" }>;

/** The leader went away, or another one leads: begin again with it. */
export class BackupInterrupted extends Error {
  override readonly name = "BackupInterrupted";
}

/** A snapshot of the group as it is from now on, read from its leader slice by slice: no faster than it is asked for. */
export interface BackupSource {
  /** Takes the snapshot; its first slice. A large one takes long: whenever nothing has come for a while, `stillLeads` says whether to wait on. */
  begin(stillLeads: () => Promise<boolean>): Promise<BackupSlice>;
  read(index: number, offsetBytes: number): Promise<BackupSlice>;
  close(): void;
}

const SLICE_TIMEOUT_MS = 30_000;

/** Connects to the leader that `found` names. Every promise rejects with `BackupInterrupted` when the connection ends or nothing comes. */
export function openBackupSource(found: Discovery, sliceTimeoutMs = SLICE_TIMEOUT_MS): BackupSource {
  let connection: Connection | null = null;
  let ended: string | null = null;
  let ticket = 0;
  let settle: { resolve(slice: BackupSlice): void; reject(error: Error): void } | null = null;
  const opened: (() => void)[] = [];

  function end(reason: string): void {
    ended ??= reason;
    settle?.reject(new BackupInterrupted(ended));
    settle = null;
    for (const tell of opened.splice(0)) tell();
  }

  function onMessage(message: Message): void {
    if (!("ticket" in message) || message.ticket !== ticket) return;
    if (message.kind === "backup-slice") settle?.resolve(message);
    else if (message.kind === "redirect") settle?.reject(new BackupInterrupted("another member leads by now"));
    else if (message.kind === "request-failed") settle?.reject(new BackupInterrupted(message.message));
    settle = null;
  }

  const { view, book } = found;
  const leader = book.entries.find((entry) => entry.replica === view?.leader);
  const dialer = dial({
    address: () => leader?.address ?? null,
    hello: () => helloOf(found),
    accepts: (peer) => (peer.clusterId === found.clusterId && peer.role === "server" ? null : "it is not the leader that was meant"),
    onOpen(open) {
      connection = open;
      for (const tell of opened.splice(0)) tell();
    },
    onMessage: (_, message) => onMessage(message),
    onClose: (_, reason) => end(`the connection to the leader ended: ${reason}`),
    onFailedAttempt: (reason) => end(reason),
    backoffMinMs: 50,
    backoffMaxMs: 500,
    connectTimeoutMs: 2_000,
  });

  async function onSilence(waitsOn: () => Promise<boolean>): Promise<void> {
    const asked = ticket;
    const isWaiting = await waitsOn().catch(() => false);
    if (!isWaiting && asked === ticket && settle !== null) end("the leader sends nothing");
  }

  async function ask(index: number, offsetBytes: number, waitsOn: () => Promise<boolean>): Promise<BackupSlice> {
    if (connection === null && ended === null) await new Promise<void>((tell) => opened.push(tell));
    const open = connection;
    if (open === null || ended !== null) throw new BackupInterrupted(ended ?? "the leader cannot be reached");
    ticket += 1;
    const timer = setInterval(() => void onSilence(waitsOn), sliceTimeoutMs);
    try {
      return await new Promise<BackupSlice>((resolve, reject) => {
        settle = { resolve, reject };
        open.send({ kind: "read-backup", ticket, index, offsetBytes });
      });
    } finally {
      clearInterval(timer);
    }
  }

  const read = (index: number, offsetBytes: number): Promise<BackupSlice> => ask(index, offsetBytes, async () => false);
  return { begin: (stillLeads) => ask(0, 0, stillLeads), read, close: () => dialer.close() };
}

function helloOf(found: Discovery): Hello {
  return {
    kind: "hello",
    protocolVersion: PROTOCOL_VERSION,
    clusterId: found.clusterId,
    role: "client",
    bootId: bootId(randomId()),
    group: found.group,
    replica: null,
    incarnation: null,
    hostId: null,
  };
}
