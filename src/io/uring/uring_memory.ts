/**
 * The memory of rings: parts that start on pages, which are taken from the kernel when their ring is closed.
 *
 * A ring is torn down in the background, and its last act is to write its indices. The memory may be somebody else's by
 * then: that of a Worker goes back to the allocator as soon as the Worker ends. So its pages are given up, which the
 * kernel keeps for itself until it is done, and others stand at the same addresses.
 *
 * @module
 */

import { discardNow, type LibcCalls } from "../posix/libc.ts";

/** The size of each part: a multiple of every page size that Linux uses. */
export const partBytes: number = 64 * 1024;
const partCount = 3;

/** Memory whose parts start on pages. */
export interface RingMemory {
  /** The parts. */
  readonly parts: readonly Uint8Array<ArrayBuffer>[];
  /** Where each starts. */
  readonly addresses: readonly number[];
  /** Takes the memory from the kernel, once the ring is closed (U3 of the ring). It is zeros then. */
  giveUp(): void;
}

/** Memory of closed rings whose pages the system would not give up, as it does not where memory is locked. */
const kept: ArrayBuffer[] = [];

/** Takes memory for a ring. */
export function allocateParts(libc: LibcCalls): RingMemory {
  const buffer = new ArrayBuffer(partBytes * (partCount + 1));
  const start = libc.addressOf(new Uint8Array(buffer));
  const skip = (partBytes - start % partBytes) % partBytes;
  const offsets = Array.from({ length: partCount }, (_, i) => skip + i * partBytes);
  return {
    parts: offsets.map((offset) => new Uint8Array(buffer, offset, partBytes)),
    addresses: offsets.map((offset) => start + offset),
    giveUp: () => {
      if (!discardNow(libc, start + skip, partBytes * partCount)) kept.push(buffer);
    },
  };
}
