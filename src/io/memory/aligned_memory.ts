/**
 * Memory that the kernel can transfer to and from directly, for engines that can learn an address.
 *
 * @module
 */

import { assert, blockBytes } from "../../base/mod.ts";
import type { LibcCalls } from "../posix/libc.ts";

/**
 * Takes memory whose address is a multiple of 4096. An `ArrayBuffer` stands at a multiple of 16, so that up to
 * 4096 bytes before it are given away.
 *
 * @param libc What tells the address.
 * @param byteLength A multiple of 4096.
 * @returns Zeroed memory.
 * @throws {RangeError} If the memory cannot be had.
 */
export function alignedMemory(libc: LibcCalls, byteLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength + blockBytes);
  const past = libc.addressOf(bytes) % blockBytes;
  const start = past === 0 ? 0 : blockBytes - past;
  const aligned = bytes.subarray(start, start + byteLength);
  assert(libc.addressOf(aligned) % blockBytes === 0, "memory is not aligned");
  return aligned;
}
