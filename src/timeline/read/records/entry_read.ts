/**
 * Entries of keys whose places are known, in order, as soon as they are ready, under a bound of bytes.
 *
 * @module
 */

import type { Objects } from "../../../objects/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import type { KeyList } from "./columns.ts";
import { chainLengthOf, type Places } from "./places.ts";
import type { Read } from "../read.ts";
import { Values, type ValuesOptions } from "./values.ts";
import type { View } from "../view.ts";

/** Value bytes that are read ahead of the reader, if more than one value. */
const windowBytes = 12 * 1024 * 1024;
/** The most entries that are handed on at once, so that the event loop gets its turns. */
export const mostEntries = 1024;

/** The entries of some keys. */
export class EntryRead implements Read<Entry | DamagedEntry> {
  readonly #objects: Objects;
  readonly #view: View;
  readonly #keys: KeyList;
  readonly #places: Places;
  readonly #options: Omit<ValuesOptions, "column">;
  #next = 0;
  /** The records of the keys up to `#windowEnd`. */
  #values: Values | undefined;
  #windowEnd = 0;

  /**
   * Starts at the first key.
   *
   * @param objects What reads.
   * @param view What stops the read.
   * @param keys The keys.
   * @param places Where their versions lie.
   * @param options What becomes of records.
   */
  constructor(
    objects: Objects,
    view: View,
    keys: KeyList,
    places: Places,
    options: Omit<ValuesOptions, "column"> = {},
  ) {
    this.#objects = objects;
    this.#view = view;
    this.#keys = keys;
    this.#places = places;
    this.#options = options;
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<(Entry | DamagedEntry)[] | undefined> {
    while (this.#next < this.#keys.length) {
      const values = this.#values ??= this.#openWindow();
      const end = Math.min(this.#windowEnd, this.#next + mostEntries);
      const entries = values.takeReady(this.#next, end);
      this.#next += entries.length;
      if (this.#next === this.#windowEnd) {
        this.#values = undefined;
        if (!values.done) await values.cancel();
      }
      if (entries.length > 0) return entries;
      await values.step();
      this.#view.check();
    }
    return undefined;
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    await this.#values?.cancel();
  }

  #openWindow(): Values {
    this.#windowEnd = windowEnd(this.#places, this.#next, this.#keys.length, windowBytes);
    return new Values(
      this.#objects,
      this.#keys,
      this.#places,
      this.#next,
      this.#windowEnd,
      { ...this.#options, redoer: this.#view.redoer },
    );
  }
}

/** Up to which key the records of keys from one on are worth so many bytes; one record may be worth more. */
export function windowEnd(places: Places, from: number, end: number, most: number): number {
  let bytes = 0, to = from;
  for (; to < end; to++) {
    const length = chainLengthOf(places, to);
    if (bytes > 0 && bytes + length > most) break;
    bytes += length;
  }
  return to;
}
