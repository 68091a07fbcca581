/**
 * What becomes of a transfer when its entry is answered: it is done, or goes on in another entry.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import type { Transfer } from "../engine.ts";
import { errnoError } from "../posix/errno.ts";
import { attemptOn, type LibcFile } from "../posix/libc_file.ts";
import { fail } from "../transfer/transfer.ts";
import { uringOpcode } from "./uring_abi.ts";
import { isPassing } from "./uring_ring.ts";
import { hasBytes, type UringSlots } from "./uring_slots.ts";

/** How often an entry is tried again that failed for a passing reason. */
const maxAttempts = 100;

/**
 * Takes an answer into the transfer of a slot.
 *
 * @param slots The slots.
 * @param slot The slot whose entry was answered.
 * @param result What the kernel answered: a count, or −errno.
 * @param sizeOf The length of a file.
 * @returns Whether the slot's entry is to be prepared again; otherwise the transfer is done.
 */
export function goesOn(
  slots: UringSlots,
  slot: number,
  result: number,
  sizeOf: (file: LibcFile) => number,
): boolean {
  return result < 0 ? triesAgain(slots, slot, -result) : advances(slots, slot, result, sizeOf);
}

function triesAgain(slots: UringSlots, slot: number, errno: number): boolean {
  if (isPassing(errno) && slots.attempts[slot]++ < maxAttempts) return true;
  const batch = slots.batch(slot);
  const transfer = slots.transfer(slot);
  const offset = hasBytes(batch) ? transfer.offset + slots.start[slot] : undefined;
  transfer.error = errnoError(errno, attemptOn(transfer.file, batch.operation, offset));
  return false;
}

function advances(
  slots: UringSlots,
  slot: number,
  count: number,
  sizeOf: (file: LibcFile) => number,
): boolean {
  const batch = slots.batch(slot);
  if (!hasBytes(batch)) return false;
  const transfer = slots.transfer(slot);
  const before = transfer.done;
  const end = slots.start[slot] + count;
  if (end > before) transfer.done = end;
  if (end >= transfer.bytes.length) return false;
  const isRead = batch.opcode === uringOpcode.read;
  try {
    if (end <= before && !isRead) throw new Error("The system wrote nothing and reported no error");
    if (end <= before || isRead && transfer.offset + end >= sizeOf(slots.file(slot))) return false;
  } catch (error) {
    fail(transfer, batch.operation, error);
    return false;
  }
  slots.start[slot] = resumeAt(transfer, end);
  return true;
}

/** The kernel refuses direct transfers from anywhere but the start of a block. */
function resumeAt(transfer: Transfer, end: number): number {
  return transfer.file.direct ? end - end % blockBytes : end;
}
