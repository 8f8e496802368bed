import { assert } from "../../vocabulary/assert.js";
import { announce } from "./announce.js";
import { type ControlContent, type GroupRecord, groupRecord, refuseSuccession, type StoreRecord } from "./content.js";
import type { RmEffect } from "./effect.js";
import { settingsKept, tellKept } from "./settings.js";
import { createGroup, type Rm, wakeAt } from "./state.js";

/** S1a: read, take a new term by compare-and-swap, and only then read what there is to rule. */
export function beginTerm(rm: Rm, nowMs: number, effects: RmEffect[]): void {
  assert(rm.store.phase === "new", "start-once");
  setWatch(rm, nowMs);
  read(rm, "reading", effects);
}

function read(rm: Rm, phase: "reading" | "checking-term" | "re-reading", effects: RmEffect[]): void {
  rm.store.phase = phase;
  rm.store.ticket = rm.nextTicket++;
  effects.push({ kind: "store-read", ticket: rm.store.ticket });
}

function swap(rm: Rm, phase: "taking-term" | "writing", content: ControlContent, effects: RmEffect[]): void {
  rm.store.phase = phase;
  rm.store.ticket = rm.nextTicket++;
  rm.store.written = content;
  effects.push({ kind: "store-swap", ticket: rm.store.ticket, expectedRevision: rm.store.revision, content });
}

/** Ends the process: nothing is decided after it. */
export function endRule(rm: Rm, reason: string, effects: RmEffect[]): void {
  rm.store.phase = "ended";
  effects.push({ kind: "end", reason });
}

/** S1e: what says that the store is old may only say that another Replication Manager has taken over: then reading ends this one (S1a). */
export function lookUpDoubts(rm: Rm, effects: RmEffect[]): boolean {
  if (rm.store.phase !== "ruling") return false;
  const doubts = [...rm.groups.values()].flatMap(({ doubt }) => (doubt === null || doubt.lookedUp ? [] : [doubt]));
  if (doubts.length === 0) return false;
  for (const doubt of doubts) doubt.lookedUp = true;
  read(rm, "re-reading", effects);
  return true;
}

/**
 * S1a: one that has nothing to write would not notice that another has taken over, and whoever has heard of the later term no longer listens
 * to this one. This reading holds nothing up: what is decided meanwhile rests on the store's compare-and-swap, as ever.
 */
export function watchTerm(rm: Rm, nowMs: number, effects: RmEffect[]): void {
  const { store } = rm;
  if (store.watchTicket !== null) return;
  if (nowMs < store.watchDueMs) return wakeAt(rm, nowMs, store.watchDueMs);
  store.watchTicket = rm.nextTicket++;
  setWatch(rm, nowMs);
  effects.push({ kind: "store-read", ticket: store.watchTicket });
}

function setWatch(rm: Rm, nowMs: number): void {
  rm.store.watchDueMs = nowMs + rm.config.timing.storeWatchMs;
}

/** An LFD has heard of another Replication Manager: the next look at the store is due at once. */
export function onLaterTerm(rm: Rm, nowMs: number, term: number): void {
  if (term <= Math.max(rm.store.stored.term, rm.laterTerm)) return;
  rm.laterTerm = term;
  rm.store.watchDueMs = nowMs;
}

function onWatched(rm: Rm, found: ControlContent | null, effects: RmEffect[]): void {
  rm.store.watchTicket = null;
  if (!isOwnTerm(rm, found)) endRule(rm, superseded(found), effects);
}

function isOwnTerm(rm: Rm, found: ControlContent | null): found is ControlContent {
  return found !== null && found.owner === rm.config.bootId && found.term === rm.store.stored.term;
}

/** The draft is written whenever it differs from the store and no other write is under way. */
export function flushDraft(rm: Rm, effects: RmEffect[]): void {
  if (rm.store.phase !== "ruling" || rm.store.draft === rm.store.stored) return;
  const refusal = refuseSuccession(rm.store.stored, rm.store.draft);
  assert(refusal === null, "S1c", () => String(refusal));
  swap(rm, "writing", rm.store.draft, effects);
}

/** May decisions be taken? S1d: not while a write has an unknown outcome; and not before the term is taken and read (S1a). */
export function rules(rm: Rm): boolean {
  return rm.store.phase === "ruling" || rm.store.phase === "writing";
}

export function onStoreRead(rm: Rm, ticket: number, record: StoreRecord, effects: RmEffect[]): void {
  if (ticket === rm.store.watchTicket) return onWatched(rm, record.content, effects);
  if (ticket !== rm.store.ticket) return;
  switch (rm.store.phase) {
    case "reading":
      return takeTerm(rm, record, effects);
    case "checking-term":
      return checkTerm(rm, record, effects);
    case "re-reading":
      return resumeAfterReading(rm, record, effects);
    default:
      return;
  }
}

function takeTerm(rm: Rm, record: StoreRecord, effects: RmEffect[]): void {
  const found = record.content;
  if (found !== null && found.clusterId !== rm.config.clusterId) {
    const text = `the control store belongs to cluster ${found.clusterId}, this Replication Manager to ${rm.config.clusterId}`;
    endRule(rm, `${text}. Start it with the data folder that the store was made in.`, effects);
    return;
  }
  if (rm.store.refusal !== null && record.revision === rm.store.revision) {
    endRule(rm, `the control store refuses a new term: ${rm.store.refusal}`, effects);
    return;
  }
  rm.store.refusal = null;
  rm.store.revision = record.revision;
  const from = found ?? rm.store.stored;
  swap(rm, "taking-term", { ...from, term: from.term + 1, owner: rm.config.bootId }, effects);
}

function checkTerm(rm: Rm, record: StoreRecord, effects: RmEffect[]): void {
  const found = record.content;
  if (found === null || found.owner !== rm.config.bootId) {
    endRule(rm, superseded(found), effects);
    return;
  }
  rm.store.revision = record.revision;
  rm.store.stored = found;
  rm.store.draft = found;
  rm.store.phase = "ruling";
  announce(effects, "term-taken", `this Replication Manager rules in term ${found.term}`, { data: { term: found.term } });
  takeOffice(rm, effects);
}

function superseded(found: ControlContent | null): string {
  const term = found === null ? "none" : String(found.term);
  return `another Replication Manager has taken over the control store (term ${term}); this one has nothing more to say`;
}

function resumeAfterReading(rm: Rm, record: StoreRecord, effects: RmEffect[]): void {
  const found = record.content;
  const { store } = rm;
  if (!isOwnTerm(rm, found)) {
    endRule(rm, superseded(found), effects);
    return;
  }
  if (record.revision === store.revision && store.refusal !== null) {
    endRule(rm, `the control store refuses what this Replication Manager writes: ${store.refusal}`, effects);
    return;
  }
  // Within a term only its owner writes: another revision is a write whose outcome was unknown, and not always the last one: what was sent
  // before it may have arrived late.
  if (record.revision !== store.revision) store.stored = isEqualContent(found, store.written) ? store.written : found;
  store.revision = record.revision;
  store.refusal = null;
  store.phase = "ruling";
}

function isEqualContent(found: ControlContent, written: ControlContent | null): written is ControlContent {
  return JSON.stringify(found) === JSON.stringify(written);
}

export function onStoreSwapped(rm: Rm, ticket: number, revision: number, effects: RmEffect[]): void {
  if (ticket !== rm.store.ticket) return;
  rm.store.revision = revision;
  if (rm.store.phase === "taking-term") {
    read(rm, "checking-term", effects);
  } else if (rm.store.phase === "writing") {
    rm.store.stored = rm.store.written ?? rm.store.stored;
    rm.store.phase = "ruling";
  }
}

/** S1d: whatever was refused or is unknown is looked up before anything else is done. */
export function onStoreDoubt(rm: Rm, ticket: number, refusal: string | null, effects: RmEffect[]): void {
  if (ticket !== rm.store.ticket) return;
  rm.store.refusal = refusal;
  if (rm.store.phase === "taking-term") {
    read(rm, "reading", effects);
  } else if (rm.store.phase === "writing") {
    read(rm, "re-reading", effects);
  }
}

/** Groups of the configuration that the store does not know are made. For others the store's settings hold, as far as `troupe set` reaches. */
function takeOffice(rm: Rm, effects: RmEffect[]): void {
  for (const spec of rm.config.groups) {
    const record = groupRecord(rm.store.draft, spec.group);
    if (record === undefined) {
      const made: GroupRecord = { spec, activeView: null, founders: [], leaderEnds: [], replicas: [], nextReplicaNumber: 1 };
      rm.store.draft = { ...rm.store.draft, groups: [...rm.store.draft.groups, made] };
      announce(effects, "group-created", `group ${spec.group} runs ${spec.service.name} (${spec.style}, ${spec.durability})`, {
        group: spec.group,
      });
      continue;
    }
    const refusal = refuseSpec(record, spec);
    if (refusal !== null) {
      endRule(rm, refusal, effects);
      return;
    }
    adoptFixed(rm, record, spec);
    tellKept(`group ${spec.group}`, settingsKept(record.spec, spec), { group: spec.group }, effects);
  }
  const { lfd, gfd } = rm.store.draft.detectors;
  tellKept("the LFD", settingsKept(lfd, rm.config.detectors.lfd), {}, effects);
  tellKept("the GFD", settingsKept(gfd, rm.config.detectors.gfd), {}, effects);
  for (const { spec, deaths } of rm.store.draft.groups)
    rm.groups.set(spec.group, createGroup(spec.group, rm.store.draft.term, deaths ?? []));
}

function refuseSpec(record: GroupRecord, wanted: GroupRecord["spec"]): string | null {
  const { spec } = record;
  if (wanted.service.hash !== spec.service.hash) {
    const codes = `${spec.service.hash.slice(0, 12)}, now ${wanted.service.hash.slice(0, 12)}`;
    return `the code of service ${wanted.service.name} has changed since group ${spec.group} was made (was ${codes}), and other code cannot take its data over yet. Start it with the old code, or without the data with \`--fresh\`.`;
  }
  if (wanted.durability !== spec.durability) {
    return `group ${spec.group} was made with durability ${spec.durability}, which is fixed. Start it so, or start without the data with \`--fresh\`.`;
  }
  return null;
}

/** What nobody can change while the system runs is as this start says: else it could never be changed. */
function adoptFixed(rm: Rm, record: GroupRecord, { service: { path }, handlerTimeoutMs, onLoss }: GroupRecord["spec"]): void {
  const { spec: stored } = record;
  if (stored.service.path === path && stored.handlerTimeoutMs === handlerTimeoutMs && stored.onLoss === onLoss) return;
  const spec = { ...stored, service: { ...stored.service, path }, handlerTimeoutMs, onLoss };
  const groups = rm.store.draft.groups.map((old) => (old === record ? { ...record, spec } : old));
  rm.store.draft = { ...rm.store.draft, groups };
}
