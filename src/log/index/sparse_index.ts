/**
 * Where records of a segment lie: of one in some 64 KiB, so that a record is found by reading on from the one before.
 *
 * @module
 */

import type { Lsn } from "../../base/mod.ts";
import { getLong, RecordKind, recordLengthAt } from "../../layer/mod.ts";
import type { BatchIndex } from "../../segment/mod.ts";

/** A place is noted for so many bytes of a segment. */
export const strideBytes: number = 64 * 1024;

/** A record, and where it lies. */
export interface NotedRecord {
  /** Its LSN. */
  readonly lsn: Lsn;
  /** The offset in the segment at which it starts. */
  readonly place: number;
}

/** Places of records, which grow with a segment. */
export class SparseIndex implements BatchIndex {
  readonly #lsns: Lsn[] = [];
  readonly #places: number[] = [];
  #next = 0;

  /** Starts with records that were noted before, by their LSNs. */
  constructor(noted: Iterable<NotedRecord> = []) {
    for (const { lsn, place } of noted) this.add(lsn, place);
  }

  /** What was noted, by LSN. */
  get noted(): NotedRecord[] {
    return this.#lsns.map((lsn, i) => ({ lsn, place: this.#places[i] }));
  }

  /** Learns of the next record, and notes it if it is time to. */
  add(lsn: Lsn, place: number): void {
    if (place < this.#next) return;
    this.#lsns.push(lsn);
    this.#places.push(place);
    this.#next = place + strideBytes;
  }

  /** See {@linkcode BatchIndex.insertBatch}. */
  insertBatch(bytes: Uint8Array, view: DataView, start: number, end: number, base: number): void {
    // A time mark may stand before the record.
    for (let at = start; at < end; at += recordLengthAt(view, at)) {
      if (bytes[at + 4] === RecordKind.MARK) this.add(getLong(view, at + 12), at + base);
    }
  }

  /** The last place that is noted of a record at or before an LSN; `undefined` if there is none. */
  placeOf(lsn: Lsn): number | undefined {
    let low = 0, high = this.#lsns.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lsns[middle] <= lsn) low = middle + 1;
      else high = middle;
    }
    return this.#places[low - 1];
  }
}
