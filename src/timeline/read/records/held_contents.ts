/**
 * What stands in the places of values in records that were met with their places: held until it is taken.
 *
 * @module
 */

import { isCompressedAt, isPatchKind } from "../../../layer/mod.ts";

/** What is held of a place: a value, one that is compressed, or patches. */
export const Content = {
  /** A value. */
  PLAIN: 0,
  /** One that is compressed. */
  COMPRESSED: 1,
  /** Patches, and what they stand on if their record has it. */
  PATCHES: 2,
} as const;

/** What the record at `at` has in the place of its value: one of {@linkcode Content}. */
export function contentAt(record: Uint8Array, at: number): number {
  if (isPatchKind(record[at + 4])) return Content.PATCHES;
  return isCompressedAt(record, at) ? Content.COMPRESSED : Content.PLAIN;
}

/** By place: what is held. */
export class HeldContents {
  readonly #in: (Uint8Array<ArrayBuffer> | undefined)[] = [];
  /** By place: where it starts and ends, in two numbers. */
  #spans = new Float64Array(0);
  #contents = new Uint8Array(0);

  /** The memory that holds what a place has; `undefined` if nothing does. */
  in(place: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#in[place];
  }

  /** Where in it that starts. */
  startOf(place: number): number {
    return this.#spans[place * 2];
  }

  /** Where in it that ends. */
  endOf(place: number): number {
    return this.#spans[place * 2 + 1];
  }

  /** What it is, or was: one of {@linkcode Content}. */
  contentOf(place: number): number {
    return this.#contents[place];
  }

  /**
   * Holds what a place has.
   *
   * @param most How many places there may be.
   */
  hold(
    place: number,
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    content: number,
    most: number,
  ): void {
    if (place >= this.#contents.length) this.#grow(most);
    this.#in[place] = bytes;
    this.#spans[place * 2] = start;
    this.#spans[place * 2 + 1] = end;
    this.#contents[place] = content;
  }

  #grow(most: number): void {
    const spans = new Float64Array(most * 2), contents = new Uint8Array(most);
    spans.set(this.#spans);
    contents.set(this.#contents);
    this.#spans = spans;
    this.#contents = contents;
  }

  /** Holds what one place has for another one too. */
  copy(from: number, to: number, most: number): void {
    const held = this.in(from);
    if (held !== undefined) {
      this.hold(to, held, this.startOf(from), this.endOf(from), this.contentOf(from), most);
    }
  }

  /** Lets go of what a place has. */
  letGo(place: number): void {
    if (place < this.#in.length) this.#in[place] = undefined;
  }
}
