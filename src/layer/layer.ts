/**
 * Layers: one that is stored, one whose index is in memory, and whether either may hold a version.
 *
 * @module
 */

import {
  assert,
  blockBytes,
  compareKeys,
  CorruptionError,
  type Lsn,
  maxKeyBytes,
  maxValueBytes,
  pageBytes,
} from "../base/mod.ts";
import { objectId, type Objects, type PageLayout, type StoredObject } from "../objects/mod.ts";
import { decodeFooter, type FileHeader } from "./formats/file_format.ts";
import { fileSeed } from "./formats/file_seed.ts";
import { isPageIntact, isSoundIndexPage, pageLevel, pageSeed, PageType } from "./formats/page_format.ts";
import { recordHeaderBytes } from "./formats/record_format.ts";
import { mostRunBytes } from "./formats/run_format.ts";
import type { LayerDescription } from "./layer_description.ts";
import type { MemoryIndex } from "./memory/memory_index.ts";

/** A file that records lie in. */
export interface RecordFile {
  /** Its object. */
  readonly object: StoredObject;
  /** The seed of its checksums. */
  readonly seed: number;
}

/** A layer in an immutable object. */
export class StoredLayer implements RecordFile {
  /** What is known of it. */
  readonly description: LayerDescription;
  /** Its object, whose layout is {@linkcode layoutOf} the description. */
  readonly object: StoredObject;
  /** See {@linkcode RecordFile.seed}. */
  readonly seed: number;

  /** Joins a description and its object. */
  constructor(description: LayerDescription, object: StoredObject) {
    this.description = description;
    this.object = object;
    this.seed = fileSeed(description.fileId);
  }

  /** Whether a page, by its number, is one of the filter and not of the index. */
  isFilterPage(page: number): boolean {
    return page >= this.description.indexPages;
  }

  /**
   * Finds the object of a layer, which nothing is read of yet.
   *
   * @param objects Where objects are.
   * @param timeline The id of the layer's timeline.
   * @param description The layer.
   */
  static of(objects: Objects, timeline: number, description: LayerDescription): StoredLayer {
    const { firstLsn, sequence, generation } = description;
    const kind = description.kind === "L0" ? "seg" : description.kind;
    const id = objectId({ timeline, firstLsn, sequence, generation, kind });
    const path = `${objects.directory}/${id}`;
    return new StoredLayer(description, objects.object(id, layoutOf(description, path)));
  }
}

/** A layer whose index is in memory: open, or frozen and being sealed. */
export class MemoryLayer implements RecordFile {
  /** Where its records lie. */
  readonly index: MemoryIndex;
  /** Its segment. */
  readonly object: StoredObject;
  /** See {@linkcode RecordFile.seed}. */
  readonly seed: number;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  #lastLsn: Lsn;

  /**
   * Joins an index and its segment.
   *
   * @param index Where its records lie.
   * @param object Its segment.
   * @param header What the segment says of itself.
   * @param lastLsn The LSN of its last batch so far; left out, nothing is in it yet.
   */
  constructor(
    index: MemoryIndex,
    object: StoredObject,
    { fileId, firstLsn }: Pick<FileHeader, "fileId" | "firstLsn">,
    lastLsn: Lsn = firstLsn,
  ) {
    this.index = index;
    this.object = object;
    this.seed = fileSeed(fileId);
    this.firstLsn = firstLsn;
    this.#lastLsn = lastLsn;
  }

  /** The LSN of its last batch, so far. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** Notes the LSN of a batch that was added to the index. */
  advance(lsn: Lsn): void {
    assert(lsn >= this.#lastLsn, "LSNs of batches increase");
    this.#lastLsn = lsn;
  }
}

/**
 * Checks that what a slot of a leaf says of a version can be true of its layer (P3).
 *
 * @throws {CorruptionError} If it cannot.
 */
export function checkSlot(
  layer: StoredLayer,
  page: number,
  lsn: Lsn,
  offset: number,
  length: number,
  keyLength: number,
): void {
  const { firstLsn, lastLsn, valuesEnd } = layer.description;
  const isSound = lsn >= firstLsn && lsn <= lastLsn && keyLength >= 1 && keyLength <= maxKeyBytes &&
    offset >= blockBytes && offset + length <= valuesEnd &&
    length >= recordHeaderBytes + keyLength && length <= recordHeaderBytes + keyLength + maxValueBytes;
  if (!isSound) throw contradiction(layer, page, "slots that lead into the values of its layer");
}

/**
 * Checks that what a slot of a leaf says of a run can be true of its layer (P3).
 *
 * @throws {CorruptionError} If it cannot.
 */
export function checkRun(layer: StoredLayer, page: number, lsn: Lsn, offset: number, length: number): void {
  const { lastLsn, valuesEnd } = layer.description;
  const isSound = lsn <= lastLsn && offset >= blockBytes && offset + length <= valuesEnd &&
    length > 2 * recordHeaderBytes && length <= mostRunBytes;
  if (!isSound) throw contradiction(layer, page, "slots that lead into the values of its layer");
}

/** The error of a run of records that does not check. */
export function damagedRun({ object: { path } }: StoredLayer, offset: number): CorruptionError {
  return new CorruptionError({
    path,
    offset,
    expected: "a run of records that checks",
    found: "one that does not",
  });
}

/** The error of a record that stands where it cannot stand, though it checks. */
export function misplacedRecord({ object: { path } }: StoredLayer, offset: number): CorruptionError {
  return new CorruptionError({
    path,
    offset,
    expected: "records in order, within the keys and the LSNs of their layer",
    found: "one that is out of place",
  });
}

/** The error of an index that contradicts itself although its pages check. */
export function contradiction(
  { object, description }: StoredLayer,
  page: number,
  expected: string,
): CorruptionError {
  return new CorruptionError({
    path: object.path,
    offset: description.valuesEnd + page * pageBytes,
    expected,
    found: "an index that contradicts itself",
  });
}

/** Whether a stored layer may hold a version of a key at or before an LSN, by its ranges. */
export function mayHold({ description }: StoredLayer, key: Uint8Array, lsn: Lsn): boolean {
  return description.versions > 0 && description.firstLsn <= lsn &&
    compareKeys(key, description.firstKey) >= 0 && compareKeys(key, description.lastKey) <= 0;
}

/**
 * Where the pages of a layer lie in its object, and how what is read of it is checked.
 *
 * @param description The layer.
 * @param path Its object, for messages.
 */
export function layoutOf(description: LayerDescription, path: string): PageLayout {
  const { valuesEnd, byteLength, indexPages, leafPages, fileId } = description;
  const seed = fileSeed(fileId);
  const offsetOf = (page: number) => valuesEnd + page * pageBytes;
  const damage = (offset: number, expected: string, found = "bytes that do not check") =>
    new CorruptionError({ path, offset, expected, found });
  return {
    byteLength,
    offsetOf,
    checkPage: (number, page) => {
      const isFilter = number >= indexPages;
      const type = isFilter ? PageType.FILTER : PageType.INDEX;
      const isSound = isPageIntact(page, pageSeed(seed, number), type) &&
        (isFilter || isSoundIndexPage(page) && (pageLevel(page) === 0) === (number < leafPages));
      if (!isSound) throw damage(offsetOf(number), `page ${number} of this file`);
    },
    checkFooter: (block) => {
      const found = decodeFooter(block), offset = byteLength - blockBytes;
      if (found === undefined) throw damage(offset, "the footer of this file");
      const names = Object.keys(found) as (keyof LayerDescription)[];
      const other = names.find((name) => String(found[name]) !== String(description[name]));
      if (other !== undefined) {
        throw damage(offset, "a footer that says what the manifest says", `another ${other}`);
      }
    },
  };
}
