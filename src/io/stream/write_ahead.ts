/**
 * Zeros ahead of small durable writes, so that these go into blocks that were written before: room that is only
 * reserved must be told written in the file system's journal first, with each of them.
 *
 * ```
 *   written │ in flight │ appended │ lead │▒▒▒▒▒▒ zeros ▒▒▒▒▒▒│ reserved …
 *                       position ──┘      start               end
 * ```
 *
 * They are written beside the writes that they are for, while small durable writes come one after another, and never
 * for anything else. Zeros are no record: whoever reads the file back finds nothing in them.
 *
 * A1  Zeros lie behind everything that was appended when they were issued, and what is issued over them waits for
 *     them: no byte that was appended is ever under zeros in flight.
 * A2  They are never more than what small durable writes brought one after another, nor more than 1 MiB ahead, and
 *     lie in room that is reserved: they take room from nobody, and each block is under them once.
 *
 * @module
 */

import { assert, blockBytes, type Health, isShortage } from "../../base/mod.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import type { IoBuffer } from "../memory/io_buffer.ts";

/** The largest durable write that counts as small. */
const mostSmallBytes = 16 * 1024;
/** What small durable writes bring before zeros are worth it, and how far in front of the first zeros they stay. */
const leadBytes = 4 * blockBytes;
/** The most zeros ahead. */
const mostAheadBytes = 1024 * 1024;

/** What stands when zeros may be written. */
export interface Standing {
  /** What small durable writes brought one after another, in bytes. */
  readonly row: number;
  /** The offset after the last byte that was appended. */
  readonly position: number;
  /** Where the zeros end that were written last. */
  readonly end: number;
  /** Up to where room is reserved. */
  readonly reserved: number;
}

/** A range of a file, of whole blocks. */
export interface ZeroRange {
  /** The offset of its first byte. */
  readonly start: number;
  /** The offset after its last byte. */
  readonly end: number;
}

/**
 * Which zeros are to be written next, if any are.
 *
 * @param standing What stands.
 * @param most The most at once in bytes.
 */
export function planZeros({ row, position, end, reserved }: Standing, most: number): ZeroRange | undefined {
  if (row < leadBytes) return undefined;
  const next = alignUp(position), wanted = Math.min(alignDown(row), mostAheadBytes);
  if (end - next >= wanted / 4) return undefined;
  const start = end > next ? end : next + leadBytes;
  const stop = Math.min(next + wanted, start + alignDown(most), alignDown(reserved));
  return stop > start ? { start, end: stop } : undefined;
}

function alignDown(offset: number): number {
  return offset - offset % blockBytes;
}

function alignUp(offset: number): number {
  return alignDown(offset + blockBytes - 1);
}

/** What zeros are written with. */
export interface WriteAheadOptions {
  /** Where memory comes from. */
  readonly pool: BufferPool;
  /** Told of a write that failed, other than for want of room. */
  readonly health: Health;
  /** Up to where room is reserved in the file: it may become known later. */
  readonly reserved: () => number;
  /** Writes to the file. */
  readonly write: (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** Called when zeros are not in flight any more. */
  readonly changed: () => void;
}

/** Writes zeros ahead of small durable writes. */
export class WriteAhead {
  readonly #options: WriteAheadOptions;
  #row = 0;
  #end = 0;
  #flight: { readonly start: number; done: Promise<void> } | undefined;
  #isStopped = false;

  /** Writes nothing before small durable writes have come one after another. */
  constructor(options: WriteAheadOptions) {
    this.#options = options;
  }

  /** Notes that a write was issued. */
  issued(byteLength: number, durable: boolean): void {
    this.#row = durable && byteLength <= mostSmallBytes ? this.#row + byteLength : 0;
  }

  /** Resolves when no zeros are in flight in front of `offset`; `undefined` if that is so now. It never rejects. */
  before(offset: number): Promise<void> | undefined {
    return this.#flight !== undefined && this.#flight.start < offset ? this.#flight.done : undefined;
  }

  /** Writes zeros behind `position`, the end of what was appended, if it is time for some. */
  go(position: number): void {
    if (this.#isStopped || this.#flight !== undefined) return;
    const { pool, reserved } = this.#options;
    const standing = { row: this.#row, position, end: this.#end, reserved: reserved() };
    const range = planZeros(standing, pool.bufferBytes);
    if (range === undefined) return;
    assert(range.start >= position, "A1: zeros lie behind what was appended");
    const buffer = this.#take();
    if (buffer === undefined) return;
    // It may end in this turn, and is in flight until then.
    const flight = this.#flight = { start: range.start, done: Promise.resolve() };
    flight.done = this.#write(range, buffer);
    this.#end = range.end;
  }

  /** A buffer for zeros; where there is no memory for one, there are no zeros any more, which nobody asked for. */
  #take(): IoBuffer | undefined {
    try {
      return this.#options.pool.takeNow();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#isStopped = true;
      return undefined;
    }
  }

  /** Writes no more zeros; resolves when none are in flight. It never rejects. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#flight?.done;
  }

  async #write({ start, end }: ZeroRange, buffer: IoBuffer): Promise<void> {
    const { health, write, changed } = this.#options;
    try {
      await write(start, buffer.bytes.subarray(0, end - start).fill(0));
    } catch (error) {
      this.#isStopped = true;
      // Nothing that was asked for met the shortage: what is written there later may still fit.
      if (!isShortage(error)) health.fail(error as Error);
    }
    buffer.release();
    this.#flight = undefined;
    changed();
  }
}
