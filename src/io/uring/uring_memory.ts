/**
 * The memory of rings: parts that start on pages, and that are kept for a while after their ring is closed.
 *
 * @module
 */

import type { LibcCalls } from "../posix/libc.ts";

/** The size of each part: a multiple of every page size that Linux uses. */
export const partBytes: number = 64 * 1024;
const partCount = 3;

/** Memory whose parts start on pages. */
export interface RingMemory {
  /** The parts. */
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
  /** Where each starts. */
  readonly addresses: readonly number[];
}

/** Memory of closed rings, and when they were closed. */
const retired: { memory: RingMemory; milliseconds: number }[] = [];
/** A teardown takes milliseconds. */
const retiredMilliseconds = 10_000;

/** Takes memory for a ring. */
export function allocateParts(libc: LibcCalls): RingMemory {
  const now = performance.now();
  while (retired.length > 0 && now - retired[0].milliseconds > retiredMilliseconds) retired.shift();
  const buffer = new ArrayBuffer(partBytes * (partCount + 1));
  const start = libc.addressOf(new Uint8Array(buffer));
  const skip = (partBytes - start % partBytes) % partBytes;
  const offsets = Array.from({ length: partCount }, (_, i) => skip + i * partBytes);
  return {
    parts: offsets.map((offset) => new Uint8Array(buffer, offset, partBytes)),
    addresses: offsets.map((offset) => start + offset),
  };
}

/** Keeps the memory of a closed ring until the kernel has surely let go of it (U3 of the ring). */
export function retire(memory: RingMemory): void {
  retired.push({ memory, milliseconds: performance.now() });
}
