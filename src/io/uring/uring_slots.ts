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

import { assert, maxIoDepth } from "../../base/mod.ts";
import type { Transfer } from "../engine.ts";
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

/** The place of one transfer. */
export interface UringSlot {
  /** Its number. */
  readonly index: number;
  /** What a completion of its entry must bring back. */
  generation: number;
  /** Whether the kernel has its entry. */
  isAwaited: boolean;
  /** The batch of its transfer; an empty one if it is free. */
  batch: UringBatch;
  /** Its transfer. */
  transfer: Transfer;
  /** Where in its memory its entry starts, in bytes. */
  start: number;
  /** How often its entry failed for a passing reason. */
  attempts: number;
}

const nothing: Transfer = {
  file: { path: "", direct: false },
  offset: 0,
  bytes: new Uint8Array(),
  done: 0,
  error: undefined,
};
const nobody: UringBatch = {
  opcode: 0,
  opFlags: 0,
  operation: "",
  transfers: [],
  finish: () => {},
  next: 0,
  left: Infinity,
};

/** The slots. */
export class UringSlots {
  readonly #all: readonly UringSlot[];
  readonly #free: UringSlot[];

  /** Makes `count` free slots. */
  constructor(count: number) {
    assert(
      Number.isInteger(count) && count > 0 && count <= maxIoDepth,
      "the completions of all slots fit the ring",
    );
    const free = { generation: 0, isAwaited: false, batch: nobody, transfer: nothing, start: 0, attempts: 0 };
    this.#all = Array.from({ length: count }, (_, index) => ({ index, ...free }));
    this.#free = this.#all.toReversed();
  }

  /** How many slots are free. */
  get free(): number {
    return this.#free.length;
  }

  /** How many slots are taken. */
  get taken(): number {
    return this.#all.length - this.#free.length;
  }

  /** Takes a free slot. */
  take(batch: UringBatch, transfer: Transfer): UringSlot {
    const slot = this.#free.pop();
    assert(slot !== undefined, "a slot is free");
    slot.batch = batch;
    slot.transfer = transfer;
    slot.start = 0;
    slot.attempts = 0;
    return slot;
  }

  /** Marks a slot as awaited. */
  prepare(slot: UringSlot): void {
    assert(!slot.isAwaited, "a slot is in the kernel once");
    slot.isAwaited = true;
  }

  /** Marks a slot as answered (U7), and returns it. */
  settle(index: number, generation: number): UringSlot {
    const slot = this.#all.at(index);
    assert(slot !== undefined && slot.isAwaited, `completion of slot ${index}, which is not awaited`);
    const expected = slot.generation;
    assert(generation === expected, `completion of slot ${index}: expected ${expected}, found ${generation}`);
    slot.isAwaited = false;
    slot.generation = (expected + 1) >>> 0;
    return slot;
  }

  /** Gives a slot back. */
  release(slot: UringSlot): void {
    assert(!slot.isAwaited, "a slot that the kernel has is not released");
    slot.batch = nobody;
    slot.transfer = nothing;
    this.#free.push(slot);
  }

  /** How many of its transfers the batch that is nearest to its end still lacks; no fewer are worth waking up for. */
  fewestLeft(): number {
    let fewest = this.taken;
    for (const { batch } of this.#all) if (batch.left < fewest) fewest = batch.left;
    return fewest;
  }

  /** The slots that are taken. */
  held(): UringSlot[] {
    return this.#all.filter(({ batch }) => batch !== nobody);
  }
}
