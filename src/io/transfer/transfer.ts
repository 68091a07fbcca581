/**
 * The life of one transfer: a system call, and further ones where it came back short.
 *
 * A direct transfer goes on from a whole block, because the kernel refuses anything else; the bytes of the block
 * that was cut are transferred again.
 *
 * @module
 */

import { blockBytes, IoError } from "../../base/mod.ts";
import type { IoFile, Transfer } from "../engine.ts";
import { type Attempt, classify, unknownCode } from "../posix/errno.ts";

/** The system calls that transfers on one kind of file are made of. */
export interface TransferCalls<File extends IoFile> {
  /** Checks that the engine opened `file` and that it is open still. */
  own(file: IoFile): File;
  /** Reads once at `offset`; resolves to the count of bytes, 0 at the end of the file. */
  pread(file: File, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number>;
  /** Writes once at `offset`, durably if that is asked for and can be; resolves to the count of bytes. */
  pwrite(file: File, bytes: Uint8Array<ArrayBuffer>, offset: number, durable: boolean): Promise<number>;
  /** The length of the file in bytes. */
  size(file: File): number;
}

/**
 * Reads until the transfer is whole or the file ends. It never rejects. After a short call the file's length is asked,
 * which is cheaper than another call that finds nothing.
 */
export async function readWhole<F extends IoFile>(
  transfer: Transfer,
  calls: TransferCalls<F>,
): Promise<void> {
  transfer.done = 0;
  transfer.error = undefined;
  try {
    await readOn(transfer, calls);
  } catch (error) {
    fail(transfer, "read", error);
  }
}

/** Writes until the transfer is whole. It never rejects. */
export async function writeWhole<F extends IoFile>(
  transfer: Transfer,
  calls: TransferCalls<F>,
  durable: boolean,
): Promise<void> {
  transfer.done = 0;
  transfer.error = undefined;
  try {
    await writeOn(transfer, calls, durable);
  } catch (error) {
    fail(transfer, "write", error);
  }
}

/**
 * Makes durable what a batch has written, by a sync of each of its files; where that fails, the transfers of that file
 * have failed. It never rejects.
 */
export async function syncWritten(
  transfers: readonly Transfer[],
  sync: (file: IoFile) => Promise<void>,
): Promise<void> {
  const written = transfers.filter(({ error }) => error === undefined);
  await Promise.all([...new Set(written.map(({ file }) => file))].map(async (file) => {
    try {
      await sync(file);
    } catch (error) {
      for (const transfer of written) if (transfer.file === file) fail(transfer, "datasync", error);
    }
  }));
}

/** Marks a transfer as failed. */
export function fail(transfer: Transfer, operation: string, error: unknown): void {
  transfer.error = classify(error, attemptOf(transfer, operation));
}

/**
 * Checks an offset or a length of a file before the system sees it: `node:fs` takes a negative one for the current
 * position, or for 0.
 *
 * @throws {IoError} With `EINVAL`, if it is not a safe integer from 0 on.
 */
export function checkOffset(offset: number, attempt: Attempt): void {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new IoError({ code: "EINVAL", ...attempt });
}

function attemptOf(transfer: Transfer, operation: string): Attempt {
  return { operation, path: transfer.file.path, offset: transfer.offset };
}

async function readOn<F extends IoFile>(transfer: Transfer, calls: TransferCalls<F>): Promise<void> {
  const length = transfer.bytes.length;
  const file = calls.own(transfer.file);
  checkOffset(transfer.offset, attemptOf(transfer, "read"));
  let start = 0;
  while (start < length) {
    const end = start + await calls.pread(file, rest(transfer, start), transfer.offset + start);
    if (end === start) return;
    advance(transfer, "read", end);
    if (end === length || transfer.offset + end >= calls.size(file)) return;
    start = resumeAt(transfer, end);
  }
}

async function writeOn<F extends IoFile>(
  transfer: Transfer,
  calls: TransferCalls<F>,
  durable: boolean,
): Promise<void> {
  const length = transfer.bytes.length;
  const file = calls.own(transfer.file);
  checkOffset(transfer.offset, attemptOf(transfer, "write"));
  let start = 0;
  while (start < length) {
    const end = start + await calls.pwrite(file, rest(transfer, start), transfer.offset + start, durable);
    advance(transfer, "write", end);
    if (end === length) return;
    start = resumeAt(transfer, end);
  }
}

/** The kernel takes memory of plain buffers only; the runtime itself refuses a shared one. */
function rest(transfer: Transfer, start: number): Uint8Array<ArrayBuffer> {
  const bytes = transfer.bytes as Uint8Array<ArrayBuffer>;
  return start === 0 ? bytes : bytes.subarray(start);
}

function resumeAt(transfer: Transfer, end: number): number {
  return transfer.file.direct ? end - end % blockBytes : end;
}

/** A transfer that moves nothing and names no cause would be tried for ever. */
function advance(transfer: Transfer, operation: string, end: number): void {
  if (end <= transfer.done) {
    const cause = new Error("The system transferred nothing and reported no error");
    throw new IoError({ code: unknownCode, ...attemptOf(transfer, operation), cause });
  }
  transfer.done = end;
}
