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

import { type Answers, maxIoDepth } from "../../base/mod.ts";
import type { IoEngine, Transfer } from "../engine.ts";
import type { LibcCalls } from "../posix/libc.ts";
import { type LibcFile, LibcFiles } from "../posix/libc_files.ts";
import { LibcNames } from "../posix/libc_names.ts";
import { SystemEngine } from "../posix/system_engine.ts";
import type { Transport } from "../posix/transport.ts";
import type { TransferOperation } from "../transfer/transfer.ts";
import { uringDatasync, uringDurableWrite, uringOpcode } from "./uring_abi.ts";
import { proveUring } from "./uring_probe.ts";
import { UringQueue } from "./uring_queue.ts";
import { UringRing } from "./uring_ring.ts";
import { openUringRing } from "./uring_setup.ts";
import { type UringSyscalls, uringSyscalls } from "./uring_syscalls.ts";

/** How an engine is made, for tests. */
export interface UringEngineOptions {
  /** The most transfers in flight, from 1 to 128. @default {128} */
  depth?: number | undefined;
  /** The system calls. */
  syscalls?: UringSyscalls | undefined;
}

/**
 * Makes an engine, if a ring can be set up here and a NOP and a read go through it.
 *
 * @param libc The C library. The engine owns it from the moment it exists.
 * @param options See {@linkcode UringEngineOptions}.
 * @returns The engine, or why there is none.
 */
export async function openUringEngine(
  libc: LibcCalls,
  options: UringEngineOptions = {},
): Promise<IoEngine | { reason: string }> {
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
  const transport = new UringTransport(new UringQueue(files, ring, options.depth ?? maxIoDepth));
  return new SystemEngine("uring", { files, names: new LibcNames(files), transport });
}

/** Bytes through a ring: transfers, syncs and reservations, each as entries of one {@linkcode UringQueue}. */
class UringTransport implements Transport<LibcFile> {
  readonly #queue: UringQueue;

  constructor(queue: UringQueue) {
    this.#queue = queue;
  }

  get isLost(): boolean {
    return this.#queue.isLost;
  }

  get answers(): Answers {
    return this.#queue;
  }

  transfer(
    operation: TransferOperation,
    transfers: readonly Transfer[],
    durable: boolean,
    finish: () => void,
  ): void {
    const opFlags = durable ? uringDurableWrite : 0;
    const opcode = uringOpcode[operation];
    this.#queue.submit({ opcode, opFlags, operation, transfers, finish, next: 0, left: transfers.length });
  }

  datasync(file: LibcFile): Promise<void> {
    return this.#perform("datasync", uringOpcode.fsync, uringDatasync, file);
  }

  sync(file: LibcFile): Promise<void> {
    return this.#perform("sync", uringOpcode.fsync, 0, file);
  }

  allocate(file: LibcFile, length: number): Promise<void> {
    return this.#perform("allocate", uringOpcode.fallocate, 0, file, length);
  }

  stop(): Promise<void> {
    return this.#queue.close();
  }

  /** Performs an operation that transfers no bytes, whose length is told as an offset. */
  async #perform(
    operation: string,
    opcode: number,
    opFlags: number,
    file: LibcFile,
    offset = 0,
  ): Promise<void> {
    const transfer: Transfer = { file, offset, bytes: new Uint8Array(), done: 0, error: undefined };
    const transfers = [transfer];
    await new Promise<void>((finish) =>
      this.#queue.submit({ opcode, opFlags, operation, transfers, finish, next: 0, left: 1 })
    );
    if (transfer.error !== undefined) throw transfer.error;
  }
}
