/**
 * What exists, as data: what the manifest says of a store at one moment. A state is never changed; an edit makes the
 * next one, which shares with it whatever the edit leaves alone.
 *
 * M1  Names and ids of timelines are unique.
 * M2  A timeline's segments stand in ascending order of sequence and of first LSN, its layers in ascending order of
 *     (first LSN, sequence). No two of them have the same sequence, and `nextSequence` is above all of these.
 * M13  A branch stands behind its ancestor, which stays as long as it does. No horizon is beyond the LSN at which a branch
 *     goes on from the timeline, or from one of its branches.
 * M14  Of a timeline that was dropped the id stays until its directory is durably gone: files in it are no history that
 *     an older manifest has lost.
 *
 * @module
 */

import { type Lsn, maxLevel, maxTimelineNameLength, type Times, timesFault } from "../base/mod.ts";
import { descriptionFault, type LayerDescription } from "../layer/mod.ts";

/** What exists. */
export interface StoreState {
  /** The version of the manifest that holds it, which names the file. */
  readonly version: number;
  /** The store's id, 32 hexadecimal digits. */
  readonly storeId: string;
  /** Grows each time the store is opened for writing, so that a later owner's objects are told from an earlier's. */
  readonly generation: number;
  /** The timelines, in the order in which they were made. */
  readonly timelines: readonly TimelineState[];
  /** The ids of timelines that were dropped, and of which files may be left, in the order in which they were. */
  readonly dropped: readonly number[];
}

/** Where a branch goes on from. */
export interface AncestorState {
  /** The id of the timeline. */
  readonly id: number;
  /** The branch LSN: what the timeline has up to it is the branch's too. */
  readonly lsn: Lsn;
}

/** A timeline. */
export interface TimelineState {
  /** Its name. */
  readonly name: string;
  /** Its id, which names its directory. */
  readonly id: number;
  /** When it was made, in milliseconds since the epoch. */
  readonly created: number;
  /** Where it goes on from, if it is a branch. */
  readonly ancestor?: AncestorState | undefined;
  /** The sequence of its next segment or layer. */
  readonly nextSequence: number;
  /** The LSN below which its history may be given up: it cannot be read as of an earlier one. */
  readonly horizon: Lsn;
  /** When the batches of its layers were appended, also of those that were merged since. */
  readonly times: Times;
  /** Its segments that are not sealed, oldest first. */
  readonly segments: readonly SegmentDescription[];
  /** Its layers, by first LSN. */
  readonly layers: readonly LevelledLayer[];
}

/** A layer, and where upkeep has put it, which its footer does not know: a move changes the manifest alone. */
export interface LevelledLayer extends LayerDescription {
  /** 0 for what was sealed, or joined there; the higher, the older; 8 beside all others. */
  readonly level: number;
}

/** A segment that is not sealed. */
export interface SegmentDescription {
  /** Its place among the segments and layers of its timeline: 1, 2, … in the order of their making. */
  readonly sequence: number;
  /** The generation of the store's owner that made it. */
  readonly generation: number;
  /** What its header must say. */
  readonly fileId: number;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** How far it was known durable, where that was found out. */
  readonly witness?: Witness | undefined;
}

/** How far a segment was known durable. */
export interface Witness {
  /** That many bytes of it were durable. */
  readonly offset: number;
  /** The LSN of the last batch in them. */
  readonly lsn: Lsn;
  /** Whether nothing behind `offset` is part of history. */
  readonly isEnd: boolean;
}

/** Makes the error that says what cannot be: our bug where it was made, damage where it was read. */
export type Fault = (words: string) => Error;

/** Whether a number may be: whole, and not below the least. */
export function isWhole(value: number, least = 0): boolean {
  return Number.isSafeInteger(value) && value >= least;
}

/** Whether a number has the 32 bits that sequences and generations have in the names of objects. */
export function isWord(value: number): boolean {
  return value === value >>> 0;
}

/** Whether a number may be a sequence; one more must have its place too. */
function isSequence(value: number): boolean {
  return isWord(value) && value > 0 && isWord(value + 1);
}

/** The order of layers: by first LSN, then by sequence. */
export function compareLayers(a: LayerDescription, b: LayerDescription): number {
  return a.firstLsn - b.firstLsn || a.sequence - b.sequence;
}

/** Throws if a timeline cannot be, whatever others there are (M2). */
export function checkTimeline(timeline: TimelineState, fault: Fault): void {
  const { name, id, created, ancestor, nextSequence, horizon, times, segments, layers } = timeline;
  const isRight = name.length >= 1 && name.length <= maxTimelineNameLength && name.isWellFormed() &&
    isWhole(id, 1) && isWhole(created) && isWhole(horizon) && isWord(nextSequence) &&
    (ancestor === undefined || isWhole(ancestor.id, 1) && isWhole(ancestor.lsn));
  if (!isRight) throw fault(`timeline ${id} with a name or a number out of range`);
  const wrongTime = timesFault(times);
  if (wrongTime !== undefined) throw fault(wrongTime);
  checkSegments(segments, fault);
  for (let i = 0; i < layers.length; i++) {
    checkLayer(layers[i], fault);
    const isNext = i === 0 || compareLayers(layers[i - 1], layers[i]) < 0;
    if (!isNext) throw fault(`layer ${layers[i].sequence} out of order`);
  }
  const sequences = Uint32Array.from([...segments, ...layers], ({ sequence }) => sequence).sort();
  const wrong = sequences.find((sequence, i) => sequence >= (sequences[i + 1] ?? nextSequence));
  if (wrong !== undefined) throw fault(`sequence ${wrong} twice, or where the next one is`);
}

/** The least LSN at which a branch goes on from a timeline, itself or by way of others, and the branch's name. */
export function leastBranchOf(
  { timelines }: Pick<StoreState, "timelines">,
  id: number,
): { readonly timeline: string; readonly lsn: Lsn } | undefined {
  const family = new Set([id]);
  let least: { timeline: string; lsn: Lsn } | undefined;
  for (const { id, name, ancestor } of timelines) {
    if (ancestor === undefined || !family.has(ancestor.id)) continue;
    family.add(id);
    if (least === undefined || ancestor.lsn < least.lsn) least = { timeline: name, lsn: ancestor.lsn };
  }
  return least;
}

/** Throws if branches cannot be with the others that there are (M13). */
export function checkBranches(timelines: readonly TimelineState[], fault: Fault): void {
  if (timelines.every(({ ancestor }) => ancestor === undefined)) return;
  // From the last to the first: each has met all that goes on from it.
  const needed = new Map<number, Lsn>(), standing = new Set(timelines.map(({ id }) => id));
  for (const { id, ancestor, horizon } of timelines.toReversed()) {
    const own = needed.get(id) ?? Infinity;
    if (horizon > own) throw fault(`timeline ${id} with a horizon of ${horizon}, and a branch at ${own}`);
    standing.delete(id);
    if (ancestor === undefined) continue;
    if (!standing.has(ancestor.id)) {
      throw fault(`timeline ${id}, whose ancestor ${ancestor.id} is not before it`);
    }
    needed.set(ancestor.id, Math.min(needed.get(ancestor.id) ?? Infinity, ancestor.lsn, own));
  }
}

/** Throws if segments cannot be, or not in this order. */
export function checkSegments(segments: readonly SegmentDescription[], fault: Fault): void {
  let last = { sequence: 0, firstLsn: 0 };
  for (const segment of segments) {
    const { sequence, generation, fileId, firstLsn, witness } = segment;
    const isRight = isSequence(sequence) && isWord(generation) && isWhole(fileId, 1) && isWhole(firstLsn) &&
      (witness === undefined || isWhole(witness.offset) && isWhole(witness.lsn));
    if (!isRight) throw fault(`segment ${sequence} with numbers out of range`);
    const isNext = sequence > last.sequence && firstLsn > last.firstLsn;
    if (!isNext) throw fault(`segment ${sequence} behind segment ${last.sequence}`);
    last = segment;
  }
}

/** Throws if there is no such level. */
export function checkLevel(level: number, fault: Fault): void {
  if (!isWhole(level) || level > maxLevel) throw fault(`level ${level}`);
}

/** Throws if a layer cannot be. */
export function checkLayer(layer: LevelledLayer, fault: Fault): void {
  checkLevel(layer.level, fault);
  const words = isSequence(layer.sequence) ? descriptionFault(layer) : "a number out of range";
  if (words !== undefined) throw fault(`layer ${layer.sequence} with ${words}`);
}
