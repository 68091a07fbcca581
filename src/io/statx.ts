/**
 * What `statx` says about direct IO on a file. Offsets are of the kernel's `struct statx`, which is 256 bytes:
 *
 * ```
 *   0x00  u32  mask of what was filled in
 *   0x98  u32  memory alignment        (STATX_DIOALIGN, Linux 6.1)
 *   0x9c  u32  offset alignment
 *   0xb4  u32  offset alignment of reads  (STATX_DIO_READ_ALIGN, Linux 6.14)
 * ```
 *
 * @module
 */

import type { LibcCalls } from "./libc.ts";

const statxBytes = 256;
const dioAlign = 0x2000;
const dioReadAlign = 0x20000;
const currentDirectory = -100;
const noFollow = 0x100;

/** The alignment that direct IO needs, in bytes; 0 where the file has none. */
export interface DirectAlignment {
  /** Of the address of the memory. */
  memory: number;
  /** Of the offset and the length, of reads and of writes. */
  offset: number;
}

/**
 * Asks what direct IO on a file needs.
 *
 * @param libc The C library.
 * @param path The file.
 * @returns The alignment, or `undefined` if the file system does not say.
 */
export function statxAlignment(libc: LibcCalls, path: string): DirectAlignment | undefined {
  const result = new Uint8Array(statxBytes);
  const name = new TextEncoder().encode(`${path}\0`);
  const failed = libc.symbols.statx?.(currentDirectory, name, noFollow, dioAlign | dioReadAlign, result);
  return failed === 0 ? decodeStatx(result) : undefined;
}

/** Reads the alignment out of a `struct statx`. */
export function decodeStatx(result: Uint8Array<ArrayBuffer>): DirectAlignment | undefined {
  const view = new DataView(result.buffer, result.byteOffset, result.byteLength);
  const word = (at: number) => view.getUint32(at, true);
  if ((word(0x00) & dioAlign) === 0) return undefined;
  const reads = (word(0x00) & dioReadAlign) === 0 ? 0 : word(0xb4);
  return { memory: word(0x98), offset: Math.max(word(0x9c), reads) };
}
