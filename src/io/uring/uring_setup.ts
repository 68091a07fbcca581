/**
 * Setting up a ring, or finding out why there is none.
 *
 * @module
 */

import { errnoName } from "../posix/errno.ts";
import type { LibcCalls } from "../posix/libc.ts";
import { uringErrno, uringFeature, uringProbe, uringSetup } from "./uring_abi.ts";
import { allocateParts, type RingMemory } from "./uring_memory.ts";
import { UringRing } from "./uring_ring.ts";
import type { UringSyscalls } from "./uring_syscalls.ts";

/** The most submission entries of a ring. */
export const maxSqEntries = 64;
/** The most completion entries of a ring. */
export const maxCqEntries = 128;

const paramsBytes = 120;

/** Options of {@linkcode openUringRing}. */
export interface UringRingOptions {
  /** Submission entries, a power of two up to 64, the default. */
  sqEntries?: number | undefined;
  /** Completion entries, a power of two up to 128, the default. */
  cqEntries?: number | undefined;
  /** Opcodes that the kernel must support. */
  opcodes?: readonly number[] | undefined;
}

/**
 * Makes a ring.
 *
 * @param libc The C library, for addresses.
 * @param syscalls The system calls.
 * @param options Its size, and what it must support.
 * @returns The ring, or why there is none.
 */
export function openUringRing(
  libc: LibcCalls,
  syscalls: UringSyscalls,
  options: UringRingOptions = {},
): UringRing | { reason: string } {
  const memory = allocateParts(libc);
  const params = setupParams(memory, options.cqEntries ?? maxCqEntries);
  const fd = syscalls.setup(options.sqEntries ?? maxSqEntries, params);
  if (fd < 0) return { reason: setupReason(-fd) };
  const ring = new UringRing(fd, syscalls, memory, params);
  const reason = missingFeature(params) ?? missingOpcode(syscalls, fd, options.opcodes ?? []);
  if (reason === undefined) return ring;
  ring.close();
  return { reason };
}

function setupParams(memory: RingMemory, cqEntries: number): Uint8Array<ArrayBuffer> {
  const params = new Uint8Array(paramsBytes);
  const view = new DataView(params.buffer);
  const { cqSize, submitAll, noMmap, noSqArray } = uringSetup;
  view.setUint32(4, cqEntries, true);
  view.setUint32(8, cqSize | submitAll | noMmap | noSqArray, true);
  view.setBigUint64(72, BigInt(memory.addresses[1]), true);
  view.setBigUint64(112, BigInt(memory.addresses[0]), true);
  return params;
}

/** Says in words why the kernel gives no ring. */
function setupReason(errno: number): string {
  const code = errnoName(errno);
  const { EPERM, ENOSYS, EINVAL, ENOMEM } = uringErrno;
  if (errno === EPERM) {
    return `io_uring is forbidden by the system's settings or a container's filter: ${code}`;
  }
  if (errno === ENOSYS) return `io_uring is not in this kernel, or hidden by a container's filter: ${code}`;
  if (errno === EINVAL) return `io_uring in plain memory needs Linux 6.6: ${code}`;
  if (errno === ENOMEM) return `io_uring got no memory: ${code}`;
  return `io_uring cannot be set up: ${code}`;
}

function missingFeature(params: Uint8Array<ArrayBuffer>): string | undefined {
  const features = new DataView(params.buffer).getUint32(20, true);
  if ((features & uringFeature.noDrop) === 0) return "io_uring may lose completions here: no NODROP";
  if ((features & uringFeature.extArg) === 0) return "io_uring cannot bound a wait here: no EXT_ARG";
  return undefined;
}

function missingOpcode(syscalls: UringSyscalls, fd: number, opcodes: readonly number[]): string | undefined {
  const probe = new Uint8Array(16 + 8 * uringProbe.count);
  const result = syscalls.register(fd, uringProbe.opcode, probe, uringProbe.count);
  if (result < 0) return `io_uring cannot be probed: ${errnoName(result)}`;
  const missing = opcodes.find((opcode) => (probe[16 + 8 * opcode + 2] & uringProbe.supported) === 0);
  return missing === undefined ? undefined : `io_uring lacks opcode ${missing} here`;
}
