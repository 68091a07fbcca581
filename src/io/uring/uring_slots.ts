/**
 * The transfers that the kernel has, each in a numbered slot.
 *
 * A completion brings back the number of its slot and the generation that the slot had when its entry was prepared. A
 * generation is used once in 2^32, so that a completion that comes twice, or for somebody else, is told apart.
 *
 * ```
 *            take            prepare           settle
 *   free ──────────► held ─────────► awaited ─────────► held ──► prepare again, or release ──► free
 * ```
 *
 * - U6 A slot holds its transfer, and with it the memory, referenced from `take` to `release`; there is a release
 *   only when the kernel has answered.
 * - U7 A completion settles a slot that is awaited in its generation, or the engine is wrong.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";
import type { Transfer } from "../engine.ts";
import type { LibcFile } from "../posix/libc_file.ts";
import { uringOpcode } from "./uring_abi.ts";

/** Operations that were asked for together and share one promise. */
export interface UringBatch {
  /** The opcode of its entries. */
  readonly opcode: number;
  /** The flags of the opcode. */
  readonly opFlags: number;
  /** Its name in errors. */
  readonly operation: string;
  /** What is transferred. For other operations one transfer without bytes, whose offset is their length. */
  readonly transfers: readonly Transfer[];
  /** Called when the last of it is done. */
  readonly finish: () => void;
  /** The first transfer that has not started. */
  next: number;
  /** How many are not done. */
  left: number;
}

/** Whether a batch transfers bytes. */
export function hasBytes(batch: UringBatch): boolean {
  return batch.opcode === uringOpcode.read || batch.opcode === uringOpcode.write;
}

/** The slots. */
export class UringSlots {
  /** Where in its memory each slot's entry starts, in bytes. */
  readonly start: Float64Array;
  /** How often each slot's entry failed for a passing reason. */
  readonly attempts: Uint16Array;
  readonly #generation: Uint32Array;
  readonly #awaited: Uint8Array;
  readonly #free: Uint16Array;
  readonly #transfers: (Transfer | undefined)[];
  readonly #files: (LibcFile | undefined)[];
  readonly #batches: (UringBatch | undefined)[];
  #freeCount: number;

  /** Makes `count` free slots. */
  constructor(count: number) {
    this.start = new Float64Array(count);
    this.attempts = new Uint16Array(count);
    this.#generation = new Uint32Array(count);
    this.#awaited = new Uint8Array(count);
    this.#free = Uint16Array.from({ length: count }, (_, i) => count - 1 - i);
    this.#transfers = new Array(count).fill(undefined);
    this.#files = new Array(count).fill(undefined);
    this.#batches = new Array(count).fill(undefined);
    this.#freeCount = count;
  }

  /** How many slots are free. */
  get free(): number {
    return this.#freeCount;
  }

  /** How many slots are taken. */
  get taken(): number {
    return this.#free.length - this.#freeCount;
  }

  /** Takes a free slot. */
  take(batch: UringBatch, transfer: Transfer, file: LibcFile): number {
    assert(this.#freeCount > 0, "a slot is free");
    const slot = this.#free[--this.#freeCount];
    this.#batches[slot] = batch;
    this.#transfers[slot] = transfer;
    this.#files[slot] = file;
    this.start[slot] = 0;
    this.attempts[slot] = 0;
    return slot;
  }

  /** Marks a slot as awaited. Returns the generation that its completion must bring back. */
  prepare(slot: number): number {
    assert(this.#awaited[slot] === 0, "a slot is in the kernel once");
    this.#awaited[slot] = 1;
    return this.#generation[slot];
  }

  /** Marks a slot as answered (U7). */
  settle(slot: number, generation: number): void {
    assert(this.#awaited[slot] === 1, `completion of slot ${slot}, which is not awaited`);
    const expected = this.#generation[slot];
    assert(generation === expected, `completion of slot ${slot}: expected ${expected}, found ${generation}`);
    this.#awaited[slot] = 0;
    this.#generation[slot]++;
  }

  /** The transfer in a slot. */
  transfer(slot: number): Transfer {
    return this.#transfers[slot] as Transfer;
  }

  /** The file of the transfer in a slot. */
  file(slot: number): LibcFile {
    return this.#files[slot] as LibcFile;
  }

  /** The batch of the transfer in a slot. */
  batch(slot: number): UringBatch {
    return this.#batches[slot] as UringBatch;
  }

  /** Gives a slot back. */
  release(slot: number): void {
    assert(this.#awaited[slot] === 0, "a slot that the kernel has is not released");
    this.#batches[slot] = undefined;
    this.#transfers[slot] = undefined;
    this.#files[slot] = undefined;
    this.#free[this.#freeCount++] = slot;
  }

  /** How many of its transfers the batch that is nearest to its end still lacks; no fewer are worth waking up for. */
  fewestLeft(): number {
    let fewest = this.taken;
    for (const batch of this.#batches) {
      if (batch !== undefined && batch.left < fewest) fewest = batch.left;
    }
    return fewest;
  }

  /** The slots that are taken, in ascending order. */
  held(): number[] {
    return Array.from(this.#batches.keys()).filter((slot) => this.#batches[slot] !== undefined);
  }
}
