/**
 * Taking entries whose records were met with their keys: as many as fit a block, in one memory of their own. What lies
 * side by side is copied at once, whichever way it is walked.
 *
 * ```
 *   held     … │ header │ k1 │ value 1 │ header │ k3 │ value 3 │ …       … │ header │ k2 │ value 2 │ …
 *   spans                ├───────────────────────────────────┤                      ├────────────┤
 *   block                 k1 │ value 1 │ header │ k3 │ value 3 │ k2 │ value 2 │      entries lie in it
 * ```
 *
 * @module
 */

import { recordHeaderBytes } from "../../../layer/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import type { KeyList } from "./columns.ts";
import { type Copies, copyTo } from "./copies.ts";
import type { Places } from "./places.ts";

/** The longest gap between two entries that is copied with them: a header, and a small record that nobody asked for. */
const mostGapBytes: number = recordHeaderBytes + 108;

/** A stretch of one memory, in which the entries of some keys lie side by side. */
class Span {
  memory: Uint8Array<ArrayBuffer> | undefined;
  low = 0;
  high = 0;

  /** Starts anew with the entry of a key, which is held. */
  begin(places: Places, keys: KeyList, key: number): void {
    this.memory = places.heldIn(key);
    this.low = places.heldStart(key) - keys.lengthAt(key);
    this.high = places.heldEnd(key);
  }

  /** Takes the entry of another key, if it lies beside; returns whether it does. */
  take(places: Places, keys: KeyList, key: number): boolean {
    if (places.heldIn(key) !== this.memory) return false;
    const start = places.heldStart(key) - keys.lengthAt(key), end = places.heldEnd(key);
    if (start >= this.high && start - this.high <= mostGapBytes) this.high = end;
    else if (end <= this.low && this.low - end <= mostGapBytes) this.low = start;
    else return false;
    return true;
  }
}

/** Used again and again: whoever walks spans does so in one turn, and keeps no memory of it. */
const span = new Span();

/** Entries of keys that are taken at once. */
export class HeldEntries {
  /** The key after the last. */
  to = 0;
  /** How many bytes are copied for them. */
  bytes = 0;

  /**
   * Finds those from a key on.
   *
   * @param places Where their versions lie, and what is held of them.
   * @param keys The keys.
   * @param from The first key.
   * @param to The key after the last.
   * @param mostBytes The most bytes that are copied for them, if they are more than one.
   * @returns Whether they are more than one.
   */
  find(places: Places, keys: KeyList, from: number, to: number, mostBytes: number): boolean {
    if (!places.hasRecords || places.heldIn(from) === undefined) return false;
    span.begin(places, keys, from);
    let key = from + 1, before = 0;
    this.bytes = span.high - span.low;
    for (; key < to && places.heldIn(key) !== undefined; key++) {
      if (!span.take(places, keys, key)) {
        before = this.bytes;
        span.begin(places, keys, key);
      }
      const bytes = before + span.high - span.low;
      if (bytes > mostBytes) break;
      this.bytes = bytes;
    }
    this.to = key;
    span.memory = undefined;
    return key > from + 1;
  }

  /** Takes them. Hot: `bench/scan.ts`. */
  take(places: Places, keys: KeyList, from: number, copies: Copies, entries: (Entry | DamagedEntry)[]): void {
    const block = copies.block(this.bytes), memory = block.buffer;
    for (let key = from, at = 0; key < this.to;) {
      const end = nextSpan(places, keys, key, this.to), shift = at - span.low;
      copyTo(block, at, span.memory as Uint8Array<ArrayBuffer>, span.low, span.high);
      at += span.high - span.low;
      for (; key < end; key++) {
        const start = places.heldStart(key), keyLength = keys.lengthAt(key);
        entries.push({
          key: new Uint8Array(memory, shift + start - keyLength, keyLength),
          value: new Uint8Array(memory, shift + start, places.heldEnd(key) - start),
          lsn: places.lsnOf(key),
        });
        places.letGo(key);
      }
    }
    span.memory = undefined;
  }
}

/** Makes a span of the entries of keys from one on; returns the first that does not lie in it. */
function nextSpan(places: Places, keys: KeyList, from: number, to: number): number {
  span.begin(places, keys, from);
  let key = from + 1;
  while (key < to && span.take(places, keys, key)) key++;
  return key;
}
