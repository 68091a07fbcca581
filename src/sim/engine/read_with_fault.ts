/**
 * Reads of a disk that does not give back what was written.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import type { SimInode } from "../disk/sim_inode.ts";
import type { Fault } from "./faults.ts";

/**
 * Reads what is in a file, or what a fault makes of it.
 *
 * @param inode The file.
 * @param offset Where in the file.
 * @param bytes Filled from its start.
 * @param fault What goes wrong, if anything does.
 * @returns How many bytes were read.
 */
export function readWithFault(
  { current, older }: SimInode,
  offset: number,
  bytes: Uint8Array,
  fault: Fault | undefined,
): number {
  const done = current.read(offset, bytes);
  const read = bytes.subarray(0, done);
  if (fault?.kind === "zero") read.fill(0);
  else if (fault?.kind === "stale") fillStale(older, offset, read);
  else if (fault?.kind === "rot" && done > 0) read[(fault.bit >>> 3) % done] ^= 1 << (fault.bit & 7);
  else if (fault?.kind === "misdirected") {
    read.fill(0);
    current.read(Math.max(0, offset + fault.by), read);
  }
  return done;
}

/** Puts in each block's place what stood there before. */
function fillStale(older: ReadonlyMap<number, Uint8Array>, offset: number, read: Uint8Array): void {
  for (let at = 0; at < read.length;) {
    const within = (offset + at) % blockBytes;
    const count = Math.min(blockBytes - within, read.length - at);
    const block = older.get(Math.floor((offset + at) / blockBytes)) ?? new Uint8Array(blockBytes);
    read.set(block.subarray(within, within + count), at);
    at += count;
  }
}
