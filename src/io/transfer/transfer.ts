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
import { attemptOn, classify, unknownCode } from "../posix/errno.ts";

/** What a transfer does. */
export type TransferOperation = "read" | "write";

/**
 * Takes in what one call has moved.
 *
 * @param transfer The transfer.
 * @param operation What it does.
 * @param start Where in its memory the call started.
 * @param count How many bytes the call moved.
 * @param files Tells the length of the file; to ask is cheaper than another call that finds nothing.
 * @returns Where in the memory the next call starts; `undefined` if the transfer is whole, or the file at its end.
 * @throws {IoError} If nothing was moved, and no cause named: such a transfer would be tried for ever.
 */
export function advance<File extends IoFile>(
  transfer: Transfer,
  operation: string,
  start: number,
  count: number,
  files: { size(file: File): number },
): number | undefined {
  const { file, offset, bytes, done } = transfer;
  const end = start + count;
  transfer.done = Math.max(done, end);
  if (end === bytes.length) return undefined;
  if (operation === "read" && (count === 0 || offset + end >= files.size(file as File))) return undefined;
  if (end > done) return file.direct ? end - end % blockBytes : end;
  const cause = new Error("The system transferred nothing and reported no error");
  throw new IoError({ code: unknownCode, ...attemptOn(file, operation, offset), cause });
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
  transfer.error = classify(error, attemptOn(transfer.file, operation, transfer.offset));
}

/**
 * Checks an offset or a length of a file before the system sees it: `node:fs` takes a negative one for the current
 * position, or for 0, and an entry of io_uring would take the last 64 bits of it for a very large one.
 *
 * @throws {IoError} With `EINVAL`, if it is not a safe integer from 0 on.
 */
export function checkOffset(file: IoFile, operation: string, offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw new IoError({ code: "EINVAL", ...attemptOn(file, operation, offset) });
}
