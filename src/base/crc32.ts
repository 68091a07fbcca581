/**
 * The checksum of everything on disk: CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), as `node:zlib`
 * computes it natively.
 */

import { crc32 as nativeCrc32 } from "node:zlib";

/**
 * Returns the CRC-32 of `bytes`, continuing from `seed`.
 *
 * @param bytes What to sum.
 * @param seed The checksum so far, or a seed that binds the sum to a place.
 * @returns An unsigned 32-bit integer.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return nativeCrc32(bytes, seed);
}
