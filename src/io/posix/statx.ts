/**
 * What `statx` says about a file: what it is, which it is, and what direct IO on it needs. Offsets are of the kernel's `struct statx`, which is 256 bytes:
 *
 * ```
 *   0x00  u32  mask of what was filled in
 *   0x1c  u16  mode: the kind of the file is in its upper four bits
 *   0x20  u64  number of the inode
 *   0x88  u32  major number of the device
 *   0x8c  u32  minor number of the device
 *   0x98  u32  memory alignment        (STATX_DIOALIGN, Linux 6.1)
 *   0x9c  u32  offset alignment
 *   0xb4  u32  offset alignment of reads  (STATX_DIO_READ_ALIGN, Linux 6.14)
 * ```
 *
 * @module
 */

import type { DirectAlignment } from "../engine.ts";
import { cString, type LibcCalls } from "./libc.ts";
import type { NamePlace } from "./held_directories.ts";
import type { FileKind } from "./files.ts";

const statxBytes = 256;
const typeOnly = 0x1;
const inodeNumber = 0x100;
const dioAlign = 0x2000;
const dioReadAlign = 0x20000;
const noFollow = 0x100;
const emptyPath = 0x1000;
const kindMask = 0xf000;
const regularFile = 0x8000;
const directory = 0x4000;

/**
 * Asks what direct IO on a file needs.
 *
 * @param libc The C library.
 * @param place Where the file's name stands.
 * @returns The alignment, or `undefined` if the file system does not say.
 */
export function statxAlignment(libc: LibcCalls, { at, name }: NamePlace): DirectAlignment | undefined {
  const result = new Uint8Array(statxBytes);
  const failed = libc.symbols.statx?.(at, cString(name), noFollow, dioAlign | dioReadAlign, result);
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
  const view = statxOpen(libc, fd, typeOnly);
  if (view === undefined) return undefined;
  const kind = view.getUint16(0x1c, true) & kindMask;
  return { isFile: kind === regularFile, isDirectory: kind === directory };
}

/** Which file or directory something is, as long as it is open. */
export interface Inode {
  /** Its number, as far as a number of the runtime's can tell. */
  readonly ino: number;
  /** The device that it is on. */
  readonly dev: number;
}

/**
 * Asks which file or directory is open.
 *
 * @param libc The C library.
 * @param fd The descriptor.
 * @returns The inode, as `Deno.FileInfo` has it, or `undefined` if the library or the system is too old to say, or
 * forbids it.
 */
export function statxInode(libc: LibcCalls, fd: number): Inode | undefined {
  const view = statxOpen(libc, fd, inodeNumber);
  if (view === undefined) return undefined;
  const [major, minor] = [view.getUint32(0x88, true), view.getUint32(0x8c, true)];
  return { ino: Number(view.getBigUint64(0x20, true)), dev: deviceOf(major, minor) };
}

/** The number of a device as `stat` has it, whose bits are put together from both numbers in four parts. */
function deviceOf(major: number, minor: number): number {
  const low = BigInt(major & 0xfff) << 8n | BigInt(minor & 0xff);
  const high = BigInt(major >>> 12) << 44n | BigInt(minor >>> 8) << 20n;
  return Number(high | low);
}

/** Asks about what is open. */
function statxOpen(libc: LibcCalls, fd: number, mask: number): DataView | undefined {
  const result = new Uint8Array(statxBytes);
  if (libc.symbols.statx?.(fd, new Uint8Array(1), emptyPath, mask, result) !== 0) return undefined;
  return new DataView(result.buffer);
}
