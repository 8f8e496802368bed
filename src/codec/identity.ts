import type { SessionId } from "../vocabulary/ids.js";
import type { RequestIdentity } from "../vocabulary/session.js";
import { isSessionId } from "../vocabulary/ids.js";
import { type ByteReader, readCount, readText, readU8 } from "./byte-reader.js";
import { type ByteWriter, writeCount, writeText, writeU8 } from "./byte-writer.js";
import { LIMITS } from "../vocabulary/limit.js";

const SESSION = 1;
const KEY = 2;

export function writeIdentity(writer: ByteWriter, identity: RequestIdentity): void {
  if (identity.kind === "key") {
    writeU8(writer, KEY);
    writeText(writer, identity.key);
    return;
  }
  writeU8(writer, SESSION);
  writeText(writer, identity.session);
  writeCount(writer, identity.resumption);
  writeCount(writer, identity.sequence);
  writeCount(writer, identity.floor);
}

export function readIdentity(reader: ByteReader): RequestIdentity {
  const kind = readU8(reader);
  if (kind === SESSION) {
    const session = readSession(reader);
    return { kind: "session", session, resumption: readCount(reader), sequence: readCount(reader), floor: readCount(reader) };
  }
  const key = readText(reader);
  if (kind !== KEY || key.length === 0 || key.length > LIMITS.keyLengthMax) reader.failed = true;
  return { kind: "key", key };
}

function readSession(reader: ByteReader): SessionId {
  const text = readText(reader);
  if (!isSessionId(text)) reader.failed = true;
  return text as SessionId;
}
