/**
 * Checking that compressed values decompress to what they say (Z2).
 *
 * @module
 */

import { CorruptionError, type Lsn } from "../../../base/mod.ts";
import { recordHeaderBytes } from "../../formats/record_format.ts";
import { CompressedValue } from "../../formats/value_format.ts";
import type { Inspector } from "../finding.ts";

/** A value that is to be decompressed, and where its record stands. */
interface Unopened {
  readonly value: CompressedValue;
  readonly key: Uint8Array;
  readonly lsn: Lsn;
  readonly offset: number;
  readonly length: number;
}

/** Takes compressed values as they are met, and checks them when there is time. */
export class CompressedCheck {
  readonly #path: string;
  readonly #inspector: Inspector;
  readonly #unopened: Unopened[] = [];

  /** Has nothing to check yet of the file at a path. */
  constructor(path: string, inspector: Inspector) {
    this.#path = path;
    this.#inspector = inspector;
  }

  /** Adds the value of a record that starts at `at` in memory which is lent for the call. */
  add(
    key: Uint8Array,
    lsn: Lsn,
    bytes: Uint8Array<ArrayBuffer>,
    at: number,
    offset: number,
    length: number,
  ): void {
    const stored = bytes.slice(at + recordHeaderBytes + key.length, at + length);
    this.#unopened.push({ value: new CompressedValue(stored, 0, stored.length), key, lsn, offset, length });
  }

  /** Checks those that were added. */
  async settle(): Promise<void> {
    const { turns } = this.#inspector;
    for (const { value, key, lsn, offset, length } of this.#unopened.splice(0)) {
      while (value.step()) {
        if (turns.due()) await turns.turn();
      }
      if (value.open() !== undefined) continue;
      const expected = "a value that decompresses to what it says", found = "one that does not";
      const error = new CorruptionError({ path: this.#path, offset, expected, found });
      const keys = { first: key, last: key, versions: 1 };
      this.#inspector.found({ error, offset, length, keys, lsns: { first: lsn, last: lsn } });
    }
  }
}
