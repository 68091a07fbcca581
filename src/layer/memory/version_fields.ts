/**
 * The fields of a version in the index of a layer in memory, in 32-bit words.
 *
 * @module
 */

/** How many words a version has. */
export const versionStride = 5;
/** The offset of its record in the segment. */
export const versionOffset = 0;
/** The length of its record in bytes, times four, with its flags, as in a page. */
export const versionLength = 1;
/** The version of the same key before it, or −1. */
export const versionPrevious = 2;
/** The low word of its LSN. */
export const versionLsnLow = 3;
/** The high word of its LSN. */
export const versionLsnHigh = 4;
