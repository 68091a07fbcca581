/**
 * A file that is open in a simulated engine, and what is checked before its bytes move.
 *
 * @module
 */

import { IoError } from "../../base/mod.ts";
import type { DirectAlignment, IoFile, OpenOptions, Transfer } from "../../io/mod.ts";
import type { SimInode } from "../disk/sim_inode.ts";

/** A file that is open. */
export class SimFile implements IoFile {
  /** See {@linkcode IoFile.path}. */
  readonly path: string;
  /** See {@linkcode IoFile.direct}. */
  readonly direct: boolean;
  /** Whether it may be written to. */
  readonly isWritable: boolean;
  /** The file itself, whatever its names are. */
  readonly inode: SimInode;

  /** Makes one that was opened with a path. */
  constructor(path: string, options: OpenOptions, inode: SimInode) {
    this.path = path;
    this.direct = options.direct;
    this.isWritable = options.access === "write";
    this.inode = inode;
  }
}

/** Checks an offset, or a length. Throws with `EINVAL`. */
export function checkOffset({ path }: IoFile, operation: string, offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw new IoError({ code: "EINVAL", operation, path, offset });
}

/** Checks what a system would refuse of a transfer, with the codes that it would use. */
export function checkTransfer(
  file: SimFile,
  operation: "read" | "write",
  { offset, bytes }: Transfer,
  alignment: DirectAlignment,
): void {
  const { path } = file;
  checkOffset(file, operation, offset);
  if (operation === "write" && !file.isWritable) {
    throw new IoError({ code: "EBADF", operation, path, offset });
  }
  if (!file.direct) return;
  const isAligned = offset % alignment.offset === 0 && bytes.length % alignment.offset === 0 &&
    bytes.byteOffset % alignment.memory === 0;
  if (!isAligned) throw new IoError({ code: "EINVAL", operation, path, offset });
}
