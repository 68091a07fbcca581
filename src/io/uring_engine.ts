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

import { IoError, maxIoDepth } from "../base/mod.ts";
import { alignedMemory } from "./aligned_memory.ts";
import type { IoEngine, IoFile, OpenOptions, Transfer } from "./engine.ts";
import { errnoError } from "./errno.ts";
import type { LibcCalls } from "./libc.ts";
import { attemptOn, closeLibcFile, LibcFile, libcFileSize, libcNextData, openLibcFile } from "./libc_file.ts";
import { listDirectory, makeDirectory, removeFile, renameFile, syncDirectory } from "./namespace.ts";
import { fail } from "./transfer.ts";
import { Turnstile } from "./turnstile.ts";
import { uringDatasync, uringOpcode } from "./uring_abi.ts";
import { proveUring } from "./uring_probe.ts";
import { UringQueue } from "./uring_queue.ts";
import { openUringRing, UringRing } from "./uring_ring.ts";
import { type UringSyscalls, uringSyscalls } from "./uring_syscalls.ts";

/** Options of {@linkcode openUringEngine}. */
export interface UringEngineOptions {
  /** The most transfers in flight, from 1 to 128, the default. */
  depth?: number;
  /** The system calls, for tests. */
  syscalls?: UringSyscalls;
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
): Promise<UringEngine | { reason: string }> {
  const depth = options.depth ?? maxIoDepth;
  if (!Number.isInteger(depth) || depth < 1 || depth > maxIoDepth) {
    throw new RangeError(`Cannot use depth ${depth}: expected an integer from 1 to ${maxIoDepth}`);
  }
  const syscalls = options.syscalls ?? uringSyscalls(libc);
  if ("reason" in syscalls) return syscalls;
  const ring = openUringRing(libc, syscalls, { opcodes: Object.values(uringOpcode) });
  if (!(ring instanceof UringRing)) return ring;
  const reason = await proveUring(libc, ring);
  if (reason === undefined) return new UringEngine(libc, ring, depth);
  ring.close();
  return { reason };
}

/** An engine on io_uring. It is made by {@linkcode openUringEngine}. */
export class UringEngine implements IoEngine {
  /** Its name. */
  readonly name = "uring";
  readonly #libc: LibcCalls;
  readonly #queue: UringQueue;
  readonly #turnstile = new Turnstile("uring");
  readonly #files = new Set<LibcFile>();
  #disposed = false;

  /** Makes an engine that owns `libc` and `ring`. */
  constructor(libc: LibcCalls, ring: UringRing, depth: number) {
    this.#libc = libc;
    this.#queue = new UringQueue(libc, ring, depth, (file) => this.#own(file));
  }

  /** See {@linkcode IoEngine.allocateMemory}. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    if (this.#turnstile.closed) throw this.#turnstile.refusal();
    return alignedMemory(this.#libc, byteLength);
  }

  /** See {@linkcode IoEngine.open}. */
  open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.#turnstile.run(() => {
      const file = openLibcFile(this.#libc, path, options);
      this.#files.add(file);
      return file;
    });
  }

  /** See {@linkcode IoEngine.close}. */
  close(file: IoFile): Promise<void> {
    return this.#turnstile.run(() => {
      const own = this.#own(file);
      this.#files.delete(own);
      closeLibcFile(this.#libc, own);
    });
  }

  /** See {@linkcode IoEngine.size}. */
  size(file: IoFile): Promise<number> {
    return this.#turnstile.run(() => libcFileSize(this.#libc, this.#own(file)));
  }

  /** See {@linkcode IoEngine.nextData}. */
  nextData(file: IoFile, offset: number): Promise<number> {
    return this.#turnstile.run(() => libcNextData(this.#libc, this.#own(file), offset));
  }

  /** See {@linkcode IoEngine.read}. */
  read(batch: readonly Transfer[]): Promise<void> {
    return this.#submit(uringOpcode.read, "read", batch);
  }

  /** See {@linkcode IoEngine.write}. */
  write(batch: readonly Transfer[]): Promise<void> {
    return this.#submit(uringOpcode.write, "write", batch);
  }

  /** See {@linkcode IoEngine.datasync}. */
  datasync(file: IoFile): Promise<void> {
    return this.#turnstile.run(() => this.#perform(uringOpcode.fsync, "datasync", file, 0, uringDatasync));
  }

  /** See {@linkcode IoEngine.sync}. */
  sync(file: IoFile): Promise<void> {
    return this.#turnstile.run(() => this.#perform(uringOpcode.fsync, "sync", file, 0));
  }

  /** See {@linkcode IoEngine.truncate}. */
  truncate(file: IoFile, length: number): Promise<void> {
    return this.#turnstile.run(() => this.#setLength(this.#own(file), length));
  }

  /** See {@linkcode IoEngine.allocate}. */
  allocate(file: IoFile, length: number): Promise<void> {
    return this.#turnstile.run(async () => {
      const own = this.#own(file);
      if (length === 0) return;
      try {
        await this.#perform(uringOpcode.fallocate, "allocate", own, length);
      } catch (error) {
        if (!cannotReserve(error)) throw error;
        if (libcFileSize(this.#libc, own) < length) await this.#setLength(own, length);
      }
    });
  }

  /** See {@linkcode IoEngine.rename}. */
  rename(from: string, to: string): Promise<void> {
    return this.#turnstile.run(() => renameFile(from, to));
  }

  /** See {@linkcode IoEngine.remove}. */
  remove(path: string): Promise<void> {
    return this.#turnstile.run(() => removeFile(path));
  }

  /** See {@linkcode IoEngine.makeDirectory}. */
  makeDirectory(path: string): Promise<void> {
    return this.#turnstile.run(() => makeDirectory(path));
  }

  /** See {@linkcode IoEngine.list}. */
  list(path: string): Promise<string[]> {
    return this.#turnstile.run(() => listDirectory(path));
  }

  /** See {@linkcode IoEngine.syncDirectory}. */
  syncDirectory(path: string): Promise<void> {
    return this.#turnstile.run(() => syncDirectory(path));
  }

  /** See {@linkcode IoEngine.shutdown}. Files that are still open are closed. */
  async shutdown(): Promise<void> {
    await this.#turnstile.close();
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#queue.close();
    for (const file of this.#files) closeLibcFile(this.#libc, file);
    this.#files.clear();
    this.#libc[Symbol.dispose]();
  }

  #own(file: IoFile): LibcFile {
    if (!(file instanceof LibcFile)) {
      throw new TypeError(`Cannot use "${file.path}": another engine opened it`);
    }
    if (this.#files.has(file)) return file;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is closed`);
  }

  #submit(opcode: number, operation: string, transfers: readonly Transfer[], opFlags = 0): Promise<void> {
    const left = transfers.length;
    if (left === 0) return Promise.resolve();
    if (this.#turnstile.closed) return this.#refuse(operation, transfers);
    this.#turnstile.enter();
    return new Promise((resolve) => {
      const finish = () => {
        this.#turnstile.leave();
        resolve();
      };
      this.#queue.submit({ opcode, opFlags, operation, transfers, finish, next: 0, left });
    });
  }

  #refuse(operation: string, transfers: readonly Transfer[]): Promise<void> {
    const error = this.#turnstile.refusal();
    for (const transfer of transfers) {
      transfer.done = 0;
      fail(transfer, operation, error);
    }
    return Promise.resolve();
  }

  /** Performs an operation that transfers no bytes. */
  async #perform(
    opcode: number,
    operation: string,
    file: IoFile,
    length: number,
    opFlags = 0,
  ): Promise<void> {
    const transfer: Transfer = {
      file: this.#own(file),
      offset: length,
      bytes: new Uint8Array(),
      done: 0,
      error: undefined,
    };
    await this.#submit(opcode, operation, [transfer], opFlags);
    if (transfer.error !== undefined) throw transfer.error;
  }

  async #setLength(file: LibcFile, length: number): Promise<void> {
    const { ftruncate, ftruncateAsync } = this.#libc.symbols;
    if (await ftruncateAsync(file.fd, BigInt(length)) === 0) return;
    // The errno of the pool's thread is lost, and to set a length twice is to set it once.
    if (ftruncate(file.fd, BigInt(length)) === 0) return;
    throw errnoError(this.#libc.errno(), attemptOn(file, "truncate", length));
  }
}

/** Whether the file system has no way to reserve room. */
function cannotReserve(error: unknown): boolean {
  return error instanceof IoError && (error.code === "EOPNOTSUPP" || error.code === "ENOSYS");
}
