/**
 * What images have taken the place of, where no manifest says which files are no part of history any more: layers that a
 * removal which was cut short has left are found again with them.
 *
 * ```
 *   LSN ▲        ┌─────────────┐
 *       │   a@9  │ i@9   j@8   │  p@7      above the image: history
 *       │        ├── image 6 ──┤
 *       │   a@3  │ i@5 ✗  j@2 ✗│  p@4      under it: in the image, or given up
 *       └────────┴─────────────┴──► key
 * ```
 *
 * Only an image that can be read to its end has taken the place of anything: what lies under another one may be all there
 * is. Of the keys of an image no other layer has a version at or below its LSN (I1), and it has all that there was that a read
 * as of its horizon or later needs (I2). Of two images the one of the higher LSN was made of the other, and of one LSN the
 * one that was made later. An image says where its keys begin and end, not what was merged: a key that was deleted and given
 * up in front of the first key that is left, or behind the last, is found again with a file that is left of it.
 *
 * @module
 */

import { compareKeys, type Lsn } from "../../base/mod.ts";

/** An image among the files that are found. */
export interface FoundImage {
  /** Its smallest key. */
  readonly firstKey: Uint8Array;
  /** Its largest key. */
  readonly lastKey: Uint8Array;
  /** The LSN at which it has all keys of its range. */
  readonly imageLsn: Lsn;
  /** When it was made, in the order of files. */
  readonly sequence: number;
}

/** A file as far as images may have taken its place: an image, or one of LSN 0. */
export type Rank = Pick<FoundImage, "imageLsn" | "sequence">;

/** Tells what images have taken the place of. */
export class Superseded {
  /** By their first keys. */
  readonly #images: readonly FoundImage[];
  /** By image: the largest key of it and those before it. */
  readonly #reach: Uint8Array[] = [];

  /** Takes images, in any order. */
  constructor(images: readonly FoundImage[]) {
    this.#images = images.toSorted((a, b) => compareKeys(a.firstKey, b.firstKey));
    let reach = new Uint8Array(0);
    for (const { lastKey } of this.#images) {
      if (compareKeys(reach, lastKey) < 0) reach = lastKey.slice();
      this.#reach.push(reach);
    }
  }

  /**
   * Whether an image has taken the place of a version.
   *
   * @param key Its key.
   * @param lsn Its LSN.
   * @param by The file in which it stands, which is no such image.
   */
  has(key: Uint8Array, lsn: Lsn, by: Rank): boolean {
    for (let i = this.#before(key); i >= 0 && compareKeys(this.#reach[i], key) >= 0; i--) {
      const image = this.#images[i];
      if (lsn <= image.imageLsn && outranks(image, by) && compareKeys(image.lastKey, key) >= 0) return true;
    }
    return false;
  }

  /** The last image that begins at a key or before it. */
  #before(key: Uint8Array): number {
    let low = 0, high = this.#images.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (compareKeys(this.#images[middle].firstKey, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function outranks(image: FoundImage, by: Rank): boolean {
  return image.imageLsn > by.imageLsn || image.imageLsn === by.imageLsn && image.sequence > by.sequence;
}
