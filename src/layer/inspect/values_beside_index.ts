/**
 * What every check of the values of a layer against its index does, whatever order they are in: it reads both, and tells
 * what leaves cost that cannot be read.
 *
 * @module
 */

import {
  blockBytes,
  compareKeys,
  CorruptionError,
  type IoError,
  type Lsn,
  pageBytes,
} from "../../base/mod.ts";
import type { Objects } from "../../objects/mod.ts";
import { recordHeaderBytes } from "../formats/record_format.ts";
import { contradiction, type StoredLayer } from "../layer.ts";
import type { VersionBlock } from "../version_cursor.ts";
import type { CheckedIndex } from "./check_index.ts";
import type { Inspector } from "./finding.ts";
import { readPieces } from "./pieces.ts";
import { readLeaves } from "./read_pages.ts";
import type { RecordWalk } from "./record_walk.ts";
import { regionBytes, type Stretch } from "./slots.ts";

/** A record that no slot leads to. */
export interface Stray {
  /** Its key. */
  readonly key: Uint8Array;
  /** Its LSN. */
  readonly lsn: Lsn;
  /** Where it stands. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly length: number;
}

/** The values of a layer, and its index. */
export class ValuesBesideIndex {
  readonly #objects: Objects;
  readonly #layer: StoredLayer;
  readonly #index: CheckedIndex;
  readonly #inspector: Inspector;
  /** Why the gap that is told next could not be read, if so. */
  #unreadable: IoError | undefined;

  /**
   * Reads nothing yet.
   *
   * @param objects Where the layer lies.
   * @param layer The layer, described as it is found to be.
   * @param index Its index, checked.
   * @param inspector Who is told.
   */
  constructor(objects: Objects, layer: StoredLayer, index: CheckedIndex, inspector: Inspector) {
    this.#objects = objects;
    this.#layer = layer;
    this.#index = index;
    this.#inspector = inspector;
  }

  /** Whether slots may be gathered; if not, that is told: more than records fit are those of an index that was made up. */
  admitsSlots(): boolean {
    if (!this.#index.slotsByRegion.some((slots) => slots > regionBytes / recordHeaderBytes)) return true;
    const { description: { leafPages, valuesEnd } } = this.#layer;
    const error = contradiction(this.#layer, 0, "slots that lead to records apart from each other");
    this.#inspector.found({ error, offset: valuesEnd, length: leafPages * pageBytes });
    return false;
  }

  /** Reads the leaves that were found to be right. */
  async readLeaves(visit: (block: VersionBlock) => void): Promise<void> {
    await readLeaves(this.#objects, this.#layer, this.#inspector, visit, (page) => this.isLost(page));
  }

  /** Whether a leaf is lost, though it may check by itself. */
  isLost(page: number): boolean {
    return this.#index.lostLeaves.some(({ first, end }) => page >= first && page < end);
  }

  /** Has a walk go over a stretch of the values; what came of each piece is settled before the next. */
  async read(
    walk: RecordWalk,
    { start, end }: Stretch,
    settle: () => Promise<void> | void,
  ): Promise<void> {
    await readPieces(this.#objects, this.#layer.object, this.#inspector, {
      start: Math.max(start, blockBytes),
      end,
      take: (bytes) => {
        this.#inspector.read(bytes.length);
        walk.feed(bytes);
        return settle();
      },
      unreadable: (_from, to, error) => {
        this.#unreadable = error;
        walk.skip(to);
      },
    });
  }

  /** What is wrong with the gap that a walk tells of. */
  errorOfGap(offset: number): CorruptionError | IoError {
    const { path } = this.#layer.object, unreadable = this.#unreadable;
    this.#unreadable = undefined;
    return unreadable ??
      new CorruptionError({ path, offset, expected: "records", found: "bytes that do not check" });
  }

  /** Counts a record as lost with the leaf that its slot must have been in; whether there is such a one. */
  countInLostLeaf({ key, lsn }: Stray): boolean {
    const leaves = this.#index.lostLeaves.find(({ after, before }) =>
      (after === undefined || compareKeys(key, after) >= 0) &&
      (before === undefined || compareKeys(key, before) <= 0)
    );
    leaves?.loss.add(key, lsn);
    return leaves !== undefined;
  }

  /** Tells of a record that the index should lead to. */
  tellStray({ key, lsn, offset, length }: Stray): void {
    const { object: { path } } = this.#layer, expected = "a record that the index leads to";
    const error = new CorruptionError({ path, offset, expected, found: "one that it does not" });
    const keys = { first: key, last: key, versions: 1 };
    this.#inspector.found({ error, offset, length, keys, lsns: { first: lsn, last: lsn } });
  }

  /** Tells what leaves cost that cannot be read, when all values went by. */
  tellLostLeaves(): void {
    const { description: { valuesEnd } } = this.#layer;
    for (const { first, end, error, loss } of this.#index.lostLeaves) {
      const offset = valuesEnd + first * pageBytes, length = (end - first) * pageBytes;
      this.#inspector.found({ error, offset, length, keys: loss.keys, lsns: loss.lsns });
    }
  }
}
