/**
 * The engine `uring`: io_uring, driven from TypeScript through FFI on the C library.
 *
 * It is used on the thread that made it. Before that thread ends, and before the process forks with memory that it
 * goes on using, the engine is shut down or at least idle: the kernel writes into memory that it was given until it
 * says that it is done. `Deno.Command` is safe on Linux from 5.19 on, where a fork copies pages that are pinned for
 * IO instead of sharing them, and where rings and files are closed in the child; under an older kernel, let nothing
 * be in flight while a command starts.
 *
 * Whoever may use the C library may do anything that the process may; the runtime's permissions are asked for every
 * file that is opened here all the same.
 *
 * @module
 */

import { maxIoDepth } from "../../base/mod.ts";
import type { IoEngine } from "../engine.ts";
import type { LibcCalls } from "../posix/libc.ts";
import { LibcFiles } from "../posix/libc_files.ts";
import { SystemEngine } from "../posix/system_engine.ts";
import { uringOpcode } from "./uring_abi.ts";
import { proveUring } from "./uring_probe.ts";
import { UringRing } from "./uring_ring.ts";
import { openUringRing } from "./uring_setup.ts";
import { type UringSyscalls, uringSyscalls } from "./uring_syscalls.ts";
import { UringTransport } from "./uring_transport.ts";

/** Options of {@linkcode openUringEngine}. */
export interface UringEngineOptions {
  /** The most transfers in flight, from 1 to 128, the default. */
  depth?: number | undefined;
  /** The system calls, for tests. */
  syscalls?: UringSyscalls | undefined;
}

/**
 * Makes an engine, if a ring can be set up here and a NOP and a read go through it.
 *
 * @param libc The C library. The engine owns it from the moment it exists.
 * @param options Bounds.
 * @returns The engine, or why there is none.
 * @throws {RangeError} If `depth` is not an integer from 1 to 128.
 */
export async function openUringEngine(
  libc: LibcCalls,
  options: UringEngineOptions = {},
): Promise<IoEngine | { reason: string }> {
  const depth = options.depth ?? maxIoDepth;
  if (!Number.isInteger(depth) || depth < 1 || depth > maxIoDepth) {
    throw new RangeError(`Cannot use depth ${depth}: expected an integer from 1 to ${maxIoDepth}`);
  }
  const syscalls = options.syscalls ?? uringSyscalls(libc);
  if ("reason" in syscalls) return syscalls;
  const ring = openUringRing(libc, syscalls, { opcodes: Object.values(uringOpcode) });
  if (!(ring instanceof UringRing)) return ring;
  const reason = await proveUring(libc, ring);
  if (reason !== undefined) {
    ring.close();
    return { reason };
  }
  const files = new LibcFiles(libc);
  return new SystemEngine("uring", files, new UringTransport(files, ring, depth));
}
