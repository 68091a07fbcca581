/**
 * The engine `threads`: `pread`, `pwrite` and their like on the runtime's thread pool, through FFI on the C library.
 *
 * errno is per thread and therefore lost with a call that ran on the pool. Where it is safe the call is
 * repeated on this thread to learn why it failed (T1–T3).
 *
 * - T1: a read that fails and then succeeds is a success.
 * - T2: a write that fails and then succeeds is a success: the sync behind it tells of lost pages. One that is durable
 *   by itself only if the first call wrote nothing; otherwise it may have been the sync in it that failed, and the
 *   kernel reports a lost page once.
 * - T3: a sync of a file is never repeated. Its code is `EUNKNOWN`.
 *
 * @module
 */

import { blockBytes, compareKeys, hasCode, IoError } from "../../base/mod.ts";
import type { IoEngine } from "../engine.ts";
import { BufferAddresses } from "../posix/buffer_addresses.ts";
import { attemptOn, unknownCode } from "../posix/errno.ts";
import type { LibcCalls, LibcSymbols } from "../posix/libc.ts";
import { type LibcFile, LibcFiles } from "../posix/libc_files.ts";
import { LibcNames } from "../posix/libc_names.ts";
import { SystemEngine } from "../posix/system_engine.ts";
import type { Transport } from "../posix/transport.ts";
import { type TransferCalls, TransferQueue } from "../transfer/transfer_queue.ts";

/** The pool has 32 threads and serves the whole process, so the engine takes at most half of it. */
const threadsDepth = 16;
/** RWF_DSYNC of `pwritev2`. */
const durableWrite = 0x2;

/** Makes an engine that owns `libc` and unloads it when it is shut down. */
export function threadsEngine(libc: LibcCalls): IoEngine {
  const files = new LibcFiles(libc);
  const transport = new ThreadsTransport(files);
  return new SystemEngine("threads", { files, names: new LibcNames(files), transport });
}

/** What moves the bytes of the engine. */
class ThreadsTransport implements Transport<LibcFile>, TransferCalls<LibcFile> {
  readonly #files: LibcFiles;
  readonly #queue = new TransferQueue<LibcFile>(this, threadsDepth);
  readonly #addresses: BufferAddresses;
  /** Vectors of one buffer each, which nobody uses now. */
  readonly #vectors: BigUint64Array<ArrayBuffer>[] = [];
  /** Whether the system, or the file system, has no durable writes. */
  #lacksDurableWrites = false;

  constructor(files: LibcFiles) {
    this.#files = files;
    this.#addresses = new BufferAddresses(files.libc);
  }

  get #symbols(): LibcSymbols {
    return this.#files.libc.symbols;
  }

  get writesDurably(): boolean {
    return !this.#lacksDurableWrites && this.#symbols.pwritev2Async !== null;
  }

  readonly transfer: Transport<LibcFile>["transfer"] = (...batch) => this.#queue.transfer(...batch);

  size(file: LibcFile): number {
    return this.#files.size(file);
  }

  async datasync(file: LibcFile): Promise<void> {
    if (await this.#symbols.fdatasyncAsync(file.fd) === 0) return;
    throw new IoError({ code: unknownCode, ...attemptOn(file, "datasync") });
  }

  async sync(file: LibcFile): Promise<void> {
    if (await this.#symbols.fsyncAsync(file.fd) === 0) return;
    throw new IoError({ code: unknownCode, ...attemptOn(file, "sync") });
  }

  async allocate(file: LibcFile, length: number): Promise<void> {
    const { fallocate, fallocateAsync } = this.#symbols;
    const room = BigInt(length);
    if (await fallocateAsync(file.fd, 0, 0n, room) === 0) return;
    this.#files.call(attemptOn(file, "allocate", length), () => fallocate(file.fd, 0, 0n, room));
  }

  async read(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    const { pread, preadAsync } = this.#symbols;
    const [length, at] = [BigInt(bytes.length), BigInt(offset)];
    const count = await preadAsync(file.fd, bytes, length, at);
    if (count >= 0) return Number(count);
    return this.#files.call(attemptOn(file, "read", offset), () => pread(file.fd, bytes, length, at));
  }

  async write(
    file: LibcFile,
    bytes: Uint8Array<ArrayBuffer>,
    offset: number,
    durable: boolean,
  ): Promise<number> {
    if (durable && this.writesDurably) return await this.#writeDurably(file, bytes, offset);
    const count = await this.#symbols.pwriteAsync(file.fd, bytes, BigInt(bytes.length), BigInt(offset));
    return count >= 0 ? Number(count) : this.#writeAgain(file, bytes, offset);
  }

  /** Repeats a write that failed on this thread, where it is learnt why (T2). */
  #writeAgain(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
    const { pwrite } = this.#symbols;
    const attempt = attemptOn(file, "write", offset);
    // A disk that is nearly full takes a part now and then; what it says of the rest is why it refused the whole.
    for (let done = 0, count = 0; done < bytes.length; done += count) {
      const rest = bytes.subarray(done);
      const write = () => pwrite(file.fd, rest, BigInt(rest.length), BigInt(offset + done));
      count = this.#files.call(attempt, write);
      if (count === 0) throw new IoError({ code: unknownCode, ...attempt });
    }
    return bytes.length;
  }

  /** Writes in one call that is durable when it is done; where there is none, as if that were not asked for. */
  async #writeDurably(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    const { pwritev2, pwritev2Async } = this.#symbols;
    const vector = this.#vectors.pop() ?? new BigUint64Array(2);
    vector[0] = BigInt(this.#addresses.of(bytes));
    vector[1] = BigInt(bytes.length);
    const attempt = attemptOn(file, "write", offset);
    try {
      const count = await pwritev2Async?.(file.fd, vector, 1, BigInt(offset), durableWrite) ?? -1n;
      if (count >= 0) return Number(count);
      const repeat = () => pwritev2?.(file.fd, vector, 1, BigInt(offset), durableWrite) ?? -1n;
      const isUntouched = this.#isUntouched(file, bytes, offset);
      const written = this.#files.call(attempt, repeat);
      if (written > 0 && isUntouched) return written;
      throw new IoError({ code: unknownCode, ...attempt });
    } catch (error) {
      if (!hasCode(error, "EOPNOTSUPP", "ENOSYS")) throw error;
      this.#lacksDurableWrites = true;
      return await this.write(file, bytes, offset, false);
    } finally {
      // Held up to here, where the kernel has let go of it.
      this.#vectors.push(vector);
    }
  }

  /** Whether the file holds something else where `bytes` were to begin, so that nothing of them was written (T2). */
  #isUntouched(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): boolean {
    const { pread } = this.#symbols;
    const length = Math.min(blockBytes, bytes.length);
    const block = this.#files.allocateMemory(blockBytes);
    try {
      const read = () => pread(file.fd, block, BigInt(blockBytes), BigInt(offset));
      const count = this.#files.call(attemptOn(file, "read", offset), read);
      return count < length || compareKeys(block.subarray(0, length), bytes.subarray(0, length)) !== 0;
    } catch {
      return false;
    }
  }
}
