/**
 * The proof that a ring works here: a NOP that another thread waits for, and a read that arrives.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import { alignedMemory } from "../memory/aligned_memory.ts";
import { errnoName } from "../posix/errno.ts";
import type { LibcCalls } from "../posix/libc.ts";
import { uringOpcode } from "./uring_abi.ts";
import type { UringRing } from "./uring_ring.ts";

const proofMilliseconds = 500;
const waitsPerProof = 8;
const closeOnExec = 0x80000;
const elfMagic = 0x464c457f;

/**
 * Sends a NOP and a read through a ring in which nothing else is.
 *
 * What is read is the start of the C library itself, for which a grant exists by definition.
 *
 * @param libc The C library.
 * @param ring The ring.
 * @returns Why the ring is of no use, or `undefined`.
 */
export async function proveUring(libc: LibcCalls, ring: UringRing): Promise<string | undefined> {
  ring.prepare(uringOpcode.nop, -1, 0, 0, 0, 0, 1, 2);
  const nop = await firstResult(ring);
  if (nop !== 0) return `io_uring does not complete a NOP: ${describe(nop)}`;
  const fd = libc.symbols.open(new TextEncoder().encode(`${libc.path}\0`), closeOnExec, 0);
  if (fd < 0) return undefined;
  try {
    return await proveRead(libc, ring, fd);
  } finally {
    libc.symbols.close(fd);
  }
}

async function proveRead(libc: LibcCalls, ring: UringRing, fd: number): Promise<string | undefined> {
  const bytes = alignedMemory(libc, blockBytes);
  ring.prepare(uringOpcode.read, fd, 0, libc.addressOf(bytes), blockBytes, 0, 1, 2);
  const result = await firstResult(ring);
  if (result !== blockBytes) return `io_uring does not complete a read: ${describe(result)}`;
  if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === elfMagic) return undefined;
  return "io_uring does not deliver what it read";
}

/** Submits what is prepared and waits for the first completion. */
async function firstResult(ring: UringRing): Promise<number | undefined> {
  const errno = ring.submit();
  if (errno !== 0) return -errno;
  let first: number | undefined;
  for (let i = 0; i < waitsPerProof && first === undefined; i++) {
    await ring.wait(proofMilliseconds);
    ring.reap((low, high, result) => {
      if (low === 1 && high === 2) first = result;
    });
  }
  return first;
}

function describe(result: number | undefined): string {
  if (result === undefined) return "nothing came back";
  return result < 0 ? errnoName(result) : `result ${result}`;
}
