/**
 * What `statx` says about a file. Offsets are of the kernel's `struct statx`, which is 256 bytes:
 *
 * ```
 *   0x00  u32  mask of what was filled in
 *   0x1c  u16  mode: the kind of the file is in its upper four bits
 *   0x98  u32  memory alignment        (STATX_DIOALIGN, Linux 6.1)
 *   0x9c  u32  offset alignment
 *   0xb4  u32  offset alignment of reads  (STATX_DIO_READ_ALIGN, Linux 6.14)
 * ```
 *
 * @module
 */

import type { DirectAlignment } from "../engine.ts";
import type { LibcCalls } from "./libc.ts";
import type { FileKind } from "./files.ts";

const statxBytes = 256;
const typeOnly = 0x1;
const dioAlign = 0x2000;
const dioReadAlign = 0x20000;
const currentDirectory = -100;
const noFollow = 0x100;
const emptyPath = 0x1000;
const kindMask = 0xf000;
const regularFile = 0x8000;
const directory = 0x4000;

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

/**
 * Asks what kind of file is open.
 *
 * @param libc The C library.
 * @param fd The descriptor.
 * @returns The kind, or `undefined` if the library or the system is too old to say, or forbids it.
 */
export function statxKind(libc: LibcCalls, fd: number): FileKind | undefined {
  const result = new Uint8Array(statxBytes);
  if (libc.symbols.statx?.(fd, new Uint8Array(1), emptyPath, typeOnly, result) !== 0) return undefined;
  const view = new DataView(result.buffer);
  const kind = view.getUint16(0x1c, true) & kindMask;
  return { isFile: kind === regularFile, isDirectory: kind === directory };
}
