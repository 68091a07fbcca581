/**
 * Checking the filter of a layer: a key that it misses is hidden from every read.
 *
 * @module
 */

import { CorruptionError, type IoError, type Lsn, pageBytes } from "../../base/mod.ts";
import { filterMayContain, filterPageOf } from "../formats/bloom_filter.ts";
import type { StoredLayer } from "../layer.ts";
import { type Inspector, Loss } from "./finding.ts";
import type { TakePage } from "./read_pages.ts";

/** The pages of a filter, and the keys that they miss. */
export class FilterCheck {
  readonly #layer: StoredLayer;
  readonly #pages: (Uint8Array | CorruptionError | IoError)[] = [];
  /** Keys that are missed, by page. */
  readonly #losses = new Map<number, Loss>();

  /** Starts without a page. */
  constructor(layer: StoredLayer) {
    this.#layer = layer;
  }

  /** Takes a page of the filter. */
  readonly take: TakePage = (_number, page): void => {
    this.#pages.push(page instanceof Uint8Array ? page.slice() : page);
  };

  /** Checks that a key passes. */
  check(key: () => Uint8Array, hash: number, lsn: Lsn): void {
    if (this.#pages.length === 0) return;
    const number = filterPageOf(hash, this.#pages.length), page = this.#pages[number];
    if (page instanceof Uint8Array && filterMayContain(page, hash)) return;
    const loss = this.#losses.get(number) ?? new Loss();
    this.#losses.set(number, loss);
    loss.add(key(), lsn);
  }

  /** Tells what was found. */
  finish(inspector: Inspector): void {
    const { object: { path }, description: { valuesEnd, indexPages } } = this.#layer;
    this.#pages.forEach((page, number) => {
      const loss = this.#losses.get(number) ?? new Loss();
      const offset = valuesEnd + (indexPages + number) * pageBytes;
      const expected = "a filter with every key of its layer", found = `${loss.versions} keys missing`;
      const error = page instanceof Uint8Array
        ? new CorruptionError({ path, offset, expected, found })
        : page;
      if (page instanceof Uint8Array && loss.versions === 0) return;
      inspector.found({ error, offset, length: pageBytes, keys: loss.keys, lsns: loss.lsns });
    });
  }
}
