/**
 * Finding the newest version of a key as of an LSN in a stored layer: filter, root, …, leaf, and the run of records that
 * its slot leads to, in a sorted layer.
 *
 * A descent never waits. It stops at a page or a run that is not in memory, of which the source of pages then has taken note,
 * and goes on from there when it is called again; descents of many keys share what is fetched in between.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import { filterMayContain, filterPageOf } from "../formats/bloom_filter.ts";
import {
  pageLevel,
  runFlag,
  searchPage,
  slotHeadSum,
  slotKeyEquals,
  slotLsn,
  slotOffset,
  slotSum,
  slotTaggedLength,
} from "../formats/page_format.ts";
import { recordHeaderBytes } from "../formats/record_format.ts";
import {
  areHeadsIntact,
  flagsOfKind,
  lengthInRun,
  lsnInRun,
  RunSeek,
  seekInDamagedRun,
  seekInRun,
} from "../formats/run_format.ts";
import { checkRun, checkSlot, contradiction, damagedRun, mayHold, type StoredLayer } from "../layer.ts";
import { isSameSpan } from "../spans.ts";
import type { PageSource } from "../version_cursor.ts";
import type { Finger } from "./finger.ts";

/** How far a descent came. */
export const Descent = {
  /** It needs a page, of which its source has taken note. */
  WAITING: 0,
  /** The layer has no such version. */
  ABSENT: 1,
  /** The steps say where the version lies. */
  FOUND: 2,
} as const;

// What is known of a key, in numbers side by side: a question of one key takes one array and not six.
const stride = 8;
const pageField = 0, levelField = 1, lsnField = 2, offsetField = 3, lengthField = 4, flagsField = 5;
const sumField = 6, headSumField = 7;
/** The page of a key that has not passed the filter. */
const atFilter = -1;
/** The level of a key that stands before a run: its offset, its length and its checksums are those of the run. */
const atRun = -1;

/** Where the descents of many keys stand, and what they found, by the number of the key. */
export class DescentSteps {
  /** What {@linkcode findVersion} knows of each key. */
  readonly fields: Float64Array;
  /**
   * The memory that the record lies in which was found last, if it was found in a run that checks, and not in an index
   * alone. It is lent until its pages are asked for anything more.
   */
  memory: Uint8Array<ArrayBuffer> | undefined = undefined;
  /** Where in it the record starts. */
  memoryAt = 0;

  /** Makes room for so many keys, none of which has set out. */
  constructor(count: number) {
    this.fields = new Float64Array(count * stride).fill(atFilter);
  }

  /** Lets key `i` set out anew, in another layer or as of another LSN. */
  restart(i: number): void {
    this.fields[i * stride + pageField] = atFilter;
  }

  /** The page that key `i` stands at: its leaf, once its version was found; −1 before the filter. */
  pageOf(i: number): number {
    return this.fields[i * stride + pageField];
  }

  /** The LSN of the version. */
  lsnOf(i: number): Lsn {
    return this.fields[i * stride + lsnField];
  }

  /** The offset of its record in the object. */
  offsetOf(i: number): number {
    return this.fields[i * stride + offsetField];
  }

  /** The length of its record in bytes. */
  lengthOf(i: number): number {
    return this.fields[i * stride + lengthField];
  }

  /** Its flags: `terminalFlag`, `tombstoneFlag`. */
  flagsOf(i: number): number {
    return this.fields[i * stride + flagsField];
  }
}

/**
 * Looks for the newest version of a key at or before an LSN. Called again with the same arguments after the page that
 * it needed was fetched, it goes on where it stood.
 *
 * @param layer Where to look.
 * @param key The key.
 * @param hash Its `hashKey`.
 * @param lsn The LSN.
 * @param pages Where pages are found.
 * @param steps Where the descent stands, and what it found.
 * @param i The number of the key in `steps`.
 * @param finger Where the key before was found in the layer, if its leaf is in memory still.
 * @returns One of {@linkcode Descent}.
 * @throws {CorruptionError} If a page that it needs is damaged, or the error of reading it.
 */
export function findVersion(
  layer: StoredLayer,
  key: Uint8Array,
  hash: number,
  lsn: Lsn,
  pages: PageSource,
  steps: DescentSteps,
  i: number,
  finger?: Finger,
): number {
  const { fields } = steps, at = i * stride;
  if (fields[at + pageField] === atFilter) {
    // A leaf that is known to be the key's tells more than a filter does, for less.
    const page = finger === undefined || finger.leaf < 0 ? undefined : treePage(layer, finger.leaf, 0, pages);
    const slot = page === undefined ? -1 : (finger as Finger).step(page, key, lsn);
    if (page !== undefined && slot >= 0) {
      const leaf = fields[at + pageField] = (finger as Finger).leaf;
      const came = takeSlot(layer, leaf, page, slot, key, steps, i);
      return came === Descent.WAITING ? findInRun(layer, key, lsn, pages, steps, i, finger) : came;
    }
    const passed = passFilter(layer, key, hash, lsn, pages);
    if (passed !== Descent.FOUND) return passed;
    fields[at + pageField] = layer.description.indexPages - 1;
    fields[at + levelField] = layer.description.height - 1;
  }
  while (fields[at + levelField] !== atRun) {
    const number = fields[at + pageField], level = fields[at + levelField];
    const page = treePage(layer, number, level, pages);
    if (page === undefined) return Descent.WAITING;
    const slot = searchPage(page, key, lsn);
    if (slot < 0) return Descent.ABSENT;
    if (level > 0) {
      fields[at + pageField] = childUnder(layer, number, page, slot);
      fields[at + levelField] = level - 1;
      continue;
    }
    finger?.set(number, slot);
    const came = takeSlot(layer, number, page, slot, key, steps, i);
    if (came !== Descent.WAITING) return came;
  }
  return findInRun(layer, key, lsn, pages, steps, i, finger);
}

/** Takes what a slot of a leaf says: where the version lies, or the run that it may be in, which is waited for. */
function takeSlot(
  layer: StoredLayer,
  number: number,
  page: Uint8Array,
  slot: number,
  key: Uint8Array,
  steps: DescentSteps,
  i: number,
): number {
  const { fields } = steps, at = i * stride;
  const tagged = slotTaggedLength(page, slot), isRun = (tagged & 3) === runFlag;
  if (!isRun && !slotKeyEquals(page, slot, key)) return Descent.ABSENT;
  fields[at + lsnField] = slotLsn(page, slot);
  fields[at + offsetField] = slotOffset(page, slot);
  fields[at + lengthField] = Math.floor(tagged / 4);
  fields[at + flagsField] = tagged & 3;
  if (!isRun) {
    checkSlot(layer, number, steps.lsnOf(i), steps.offsetOf(i), steps.lengthOf(i), key.length);
    steps.memory = undefined;
    return Descent.FOUND;
  }
  checkRun(layer, number, steps.lsnOf(i), steps.offsetOf(i), steps.lengthOf(i));
  fields[at + sumField] = slotSum(page, slot);
  fields[at + headSumField] = slotHeadSum(page, slot);
  fields[at + levelField] = atRun;
  return Descent.WAITING;
}

/** Looks for the version in the run that its key stands before. */
function findInRun(
  layer: StoredLayer,
  key: Uint8Array,
  lsn: Lsn,
  pages: PageSource,
  steps: DescentSteps,
  i: number,
  finger: Finger | undefined,
): number {
  const { fields } = steps, field = i * stride;
  const offset = fields[field + offsetField], length = fields[field + lengthField];
  const run = pages.getRange(layer.object, offset, length, fields[field + sumField]);
  if (run === undefined) return Descent.WAITING;
  const { bytes, at: start, isIntact } = run, end = start + length;
  const at = isIntact
    ? seekBeside(finger, offset, bytes, start, end, key, lsn)
    : areHeadsIntact(bytes, start, end, fields[field + headSumField])
    ? seekInRun(bytes, start, end, key, lsn)
    : seekInDamagedRun(bytes, start, end, key, lsn, offset, layer.seed);
  if (at === RunSeek.BROKEN) throw contradiction(layer, fields[field + pageField], "runs of records");
  if (at === RunSeek.DAMAGED) throw damagedRun(layer, offset);
  if (at === RunSeek.BEFORE) return Descent.ABSENT;
  const keyLength = bytes[at + 6] | bytes[at + 7] << 8;
  if (keyLength !== key.length || !isSameSpan(bytes, at + recordHeaderBytes, key, 0, keyLength)) {
    return Descent.ABSENT;
  }
  fields[field + lsnField] = lsnInRun(bytes, at);
  fields[field + offsetField] = offset + at - start;
  fields[field + lengthField] = lengthInRun(bytes, at, end);
  fields[field + flagsField] = flagsOfKind(bytes[at + 4]);
  steps.memory = isIntact ? bytes : undefined;
  steps.memoryAt = at;
  return Descent.FOUND;
}

/** Seeks in a run that checks, from where the key before stood in it, if it did. */
function seekBeside(
  finger: Finger | undefined,
  offset: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
  lsn: number,
): number {
  if (finger === undefined) return seekInRun(bytes, start, end, key, lsn);
  const from = finger.run === offset ? start + finger.runAt : start;
  let at = seekInRun(bytes, from, end, key, lsn);
  if (at === RunSeek.BEFORE && from > start) at = seekInRun(bytes, start, end, key, lsn);
  if (at >= 0) {
    finger.run = offset;
    finger.runAt = at - start;
  }
  return at;
}

/** Whether a layer may have a version of a key, by its ranges and its filter. */
function passFilter(layer: StoredLayer, key: Uint8Array, hash: number, lsn: Lsn, pages: PageSource): number {
  if (!mayHold(layer, key, lsn)) return Descent.ABSENT;
  if (layer.description.filterPages === 0) return Descent.FOUND;
  const page = pages.get(layer.object, filterPageFor(layer, hash));
  if (page === undefined) return Descent.WAITING;
  return filterMayContain(page, hash) ? Descent.FOUND : Descent.ABSENT;
}

function filterPageFor({ description }: StoredLayer, hash: number): number {
  return description.indexPages + filterPageOf(hash, description.filterPages);
}

/** Has the page of the filter into which a key's hash falls read ahead with the pages that are read next. */
export function wantFilter(layer: StoredLayer, hash: number, pages: PageSource): void {
  if (layer.description.filterPages > 0) pages.want(layer.object, filterPageFor(layer, hash));
}

/**
 * A page of the index on the level where it must stand (P3), if it is in memory.
 *
 * @throws {CorruptionError} If it stands on another level.
 */
export function treePage(
  layer: StoredLayer,
  number: number,
  level: number,
  pages: PageSource,
): Uint8Array | undefined {
  const page = pages.get(layer.object, number);
  if (page !== undefined && pageLevel(page) !== level) throw contradiction(layer, number, `level ${level}`);
  return page;
}

/**
 * The page under a slot of a page above the leaves.
 *
 * @throws {CorruptionError} If no page can stand there (P3).
 */
export function childUnder(layer: StoredLayer, number: number, page: Uint8Array, slot: number): number {
  const child = slotOffset(page, slot);
  if (child >= number) throw contradiction(layer, number, "a page under it");
  return child;
}
