/**
 * Which writes of an append-only file are in flight, and what of the file is therefore written.
 *
 * ```
 *   written ≤ … in flight … ≤ issued
 *   a write fails:  those issued after it are void, and `issued` goes back to its start
 * ```
 *
 * F1  Writes are issued in the order of their offsets, without a gap; `written` counts only a contiguous prefix.
 * F2  While a void write is in flight, nothing is issued: its memory is being read, and its bytes come again.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";

/** A write in flight, or one that has landed behind others that have not. */
export interface Flight {
  /** The offset of its first byte. */
  readonly start: number;
  /** The offset after its last byte. */
  readonly end: number;
}

interface Tracked extends Flight {
  isDone: boolean;
  isVoid: boolean;
}

/** The writes in flight. */
export class Flights {
  readonly #row: Tracked[] = [];
  #issued: number;
  #written: number;

  /** Starts with nothing written behind `start`. */
  constructor(start: number) {
    this.#issued = this.#written = start;
  }

  /** The offset up to which writes were issued. */
  get issued(): number {
    return this.#issued;
  }

  /** The offset up to which the file holds every byte. */
  get written(): number {
    return this.#written;
  }

  /** How many are in flight, or landed out of order. */
  get count(): number {
    return this.#row.length;
  }

  /** Whether a void write is in flight (F2). */
  get isSettling(): boolean {
    return this.#row.some(({ isVoid }) => isVoid);
  }

  /** Notes that the bytes from `issued` to `end` are being written. */
  start(end: number): Flight {
    assert(end > this.#issued && !this.isSettling, "F1: a write follows the one before it");
    const flight = { start: this.#issued, end, isDone: false, isVoid: false };
    this.#row.push(flight);
    this.#issued = end;
    return flight;
  }

  /** Notes that a write is done. */
  landed(flight: Flight): void {
    const index = this.#indexOf(flight);
    if (this.#row[index].isVoid) this.#row.splice(index, 1);
    else this.#row[index].isDone = true;
    while (this.#row.length > 0 && this.#row[0].isDone) {
      this.#written = this.#row[0].end;
      this.#row.shift();
    }
  }

  /** Notes that a write failed. What was issued after it is written again, so that `written` stays contiguous (F1). */
  failed(flight: Flight): void {
    const after = this.#row.splice(this.#indexOf(flight)).slice(1);
    for (const later of after) {
      later.isVoid = true;
      if (!later.isDone) this.#row.push(later);
    }
    if (flight.start < this.#issued) this.#issued = flight.start;
  }

  #indexOf(flight: Flight): number {
    const index = this.#row.indexOf(flight as Tracked);
    assert(index >= 0, "F1: a write ends once");
    return index;
  }
}
