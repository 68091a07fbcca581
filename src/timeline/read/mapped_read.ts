/** A read whose items are made into others, such as bytes into what a codec makes of them. */

import type { Turns } from "../../base/mod.ts";
import type { Read } from "./read.ts";

/** What is read, as it is wanted. */
export class MappedRead<From, To> implements Read<To> {
  readonly #read: Read<From>;
  readonly #map: (item: From) => To;
  readonly #turns: Turns;
  #items: readonly From[] = [];
  #next = 0;

  /**
   * Reads nothing yet.
   *
   * @param read What reads.
   * @param map What makes an item of one that was read; it may take long.
   * @param turns When the event loop gets its turns, which whoever asks gives it.
   */
  constructor(read: Read<From>, map: (item: From) => To, turns: Turns) {
    this.#read = read;
    this.#map = map;
    this.#turns = turns;
  }

  /** See {@linkcode Read.next}. */
  async next(): Promise<To[] | undefined> {
    if (this.#next === this.#items.length) {
      const items = await this.#read.next();
      if (items === undefined) return undefined;
      this.#items = items;
      this.#next = 0;
    }
    const made: To[] = [];
    do made.push(this.#map(this.#items[this.#next++])); while (
      this.#next < this.#items.length && !this.#turns.due()
    );
    return made;
  }

  /** See {@linkcode Read.cancel}. */
  async cancel(): Promise<void> {
    await this.#read.cancel();
  }
}
