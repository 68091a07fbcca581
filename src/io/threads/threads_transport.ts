/**
 * Bytes through `pread`, `pwrite` and their like on the runtime's thread pool.
 *
 * errno is per thread and therefore lost with a call that ran on the pool. Where it is safe the call is
 * repeated on this thread to learn why it failed (T1–T3).
 *
 * - T1: a read that fails and then succeeds is a success.
 * - T2: a write that fails and then succeeds is a success: the sync behind it tells of lost pages. One that is durable
 *   by itself only if the first call wrote nothing; otherwise it may have been the sync in it that failed, and the
 *   kernel reports a lost page once.
 * - T3: a sync is never repeated. Its code is `EUNKNOWN`.
 *
 * @module
 */

import { blockBytes, compareKeys, IoError } from "../../base/mod.ts";
import type { Transfer } from "../engine.ts";
import { BufferAddresses } from "../posix/buffer_addresses.ts";
import { errnoError, unknownCode } from "../posix/errno.ts";
import type { LibcSymbols } from "../posix/libc.ts";
import { attemptOn, type LibcFile } from "../posix/libc_file.ts";
import type { LibcFiles } from "../posix/libc_files.ts";
import type { Transport } from "../posix/system_engine.ts";
import type { TransferCalls } from "../transfer/transfer.ts";
import { TransferQueue } from "../transfer/transfer_queue.ts";

/** The pool has 32 threads and serves the whole process, so the engine takes at most half of it. */
const threadsDepth = 16;
/** ENOSYS and EOPNOTSUPP: the system, or the file system, has no such call, or none with such a flag. */
const lacking: ReadonlySet<number> = new Set([38, 95]);
/** RWF_DSYNC of `pwritev2`. */
const durableWrite = 0x2;

/** What moves the bytes of the engine `threads`. */
export class ThreadsTransport implements Transport<LibcFile> {
  readonly #files: LibcFiles;
  readonly #queue: TransferQueue<LibcFile>;
  readonly #addresses: BufferAddresses;
  /** Vectors of one buffer each, which nobody uses now. */
  readonly #vectors: BigUint64Array<ArrayBuffer>[] = [];
  #hasDurableWrites: boolean;

  /** Makes a transport over `files`. */
  constructor(files: LibcFiles) {
    this.#files = files;
    this.#addresses = new BufferAddresses(files.libc);
    this.#hasDurableWrites = this.#symbols.pwritev2 !== null && this.#symbols.pwritev2Async !== null;
    this.#queue = new TransferQueue(this.#calls(), threadsDepth);
  }

  get #symbols(): LibcSymbols {
    return this.#files.libc.symbols;
  }

  #calls(): TransferCalls<LibcFile> {
    return {
      own: (file) => this.#files.own(file),
      pread: (file, bytes, offset) => this.#pread(file, bytes, offset),
      pwrite: (file, bytes, offset, durable) =>
        durable ? this.#pwriteDurably(file, bytes, offset) : this.#pwrite(file, bytes, offset),
      size: (file) => this.#files.size(file),
    };
  }

  /** See {@linkcode Transport.read}. */
  read(batch: readonly Transfer[], done: () => void): void {
    this.#queue.read(batch, done);
  }

  /** See {@linkcode Transport.write}. */
  write(batch: readonly Transfer[], durable: boolean, done: () => void): void {
    this.#queue.write(batch, durable, done);
  }

  /** See {@linkcode Transport.datasync}. */
  async datasync(file: LibcFile): Promise<void> {
    if (await this.#symbols.fdatasyncAsync(file.fd) === 0) return;
    throw new IoError({ code: unknownCode, ...attemptOn(file, "datasync") });
  }

  /** See {@linkcode Transport.sync}. */
  async sync(file: LibcFile): Promise<void> {
    if (await this.#symbols.fsyncAsync(file.fd) === 0) return;
    throw new IoError({ code: unknownCode, ...attemptOn(file, "sync") });
  }

  /** See {@linkcode Transport.allocate}. */
  async allocate(file: LibcFile, length: number): Promise<void> {
    const room = BigInt(length);
    if (await this.#symbols.fallocateAsync(file.fd, 0, 0n, room) === 0) return;
    const result = this.#files.repeat(() => this.#symbols.fallocate(file.fd, 0, 0n, room));
    if (lacking.has(-result)) return await this.#files.extend(file, length);
    if (result < 0) throw errnoError(result, attemptOn(file, "allocate", length));
  }

  async #pread(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    const { pread, preadAsync } = this.#symbols;
    const length = BigInt(bytes.length);
    const count = await preadAsync(file.fd, bytes, length, BigInt(offset));
    if (count >= 0) return Number(count);
    const result = this.#files.repeat(() => pread(file.fd, bytes, length, BigInt(offset)));
    if (result < 0) throw errnoError(result, attemptOn(file, "read", offset));
    return result;
  }

  async #pwrite(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    const count = await this.#symbols.pwriteAsync(file.fd, bytes, BigInt(bytes.length), BigInt(offset));
    return count >= 0 ? Number(count) : this.#writeAgain(file, bytes, offset);
  }

  /** Repeats a write that failed on this thread, where it is learnt why (T2). */
  #writeAgain(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
    const { pwrite } = this.#symbols;
    // A disk that is nearly full takes a part now and then; what it says of the rest is why it refused the whole.
    for (let done = 0, result = 0; done < bytes.length; done += result) {
      const rest = bytes.subarray(done);
      result = this.#files.repeat(() => pwrite(file.fd, rest, BigInt(rest.length), BigInt(offset + done)));
      if (result < 0) throw errnoError(result, attemptOn(file, "write", offset));
      if (result === 0) throw new IoError({ code: unknownCode, ...attemptOn(file, "write", offset) });
    }
    return bytes.length;
  }

  /** Writes in one call that is durable when it is done; where there is none, a sync follows the write. */
  async #pwriteDurably(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    const written = this.#hasDurableWrites ? await this.#pwritev2(file, bytes, offset) : undefined;
    if (written !== undefined) return written;
    const count = await this.#pwrite(file, bytes, offset);
    await this.datasync(file);
    return count;
  }

  async #pwritev2(
    file: LibcFile,
    bytes: Uint8Array<ArrayBuffer>,
    offset: number,
  ): Promise<number | undefined> {
    const { pwritev2, pwritev2Async } = this.#symbols;
    if (pwritev2 === null || pwritev2Async === null) return undefined;
    const vector = this.#vectors.pop() ?? new BigUint64Array(2);
    vector[0] = BigInt(this.#addresses.of(bytes));
    vector[1] = BigInt(bytes.length);
    try {
      const count = await pwritev2Async(file.fd, vector, 1, BigInt(offset), durableWrite);
      if (count >= 0) return Number(count);
      const isUntouched = this.#isUntouched(file, bytes, offset);
      const result = this.#files.repeat(() => pwritev2(file.fd, vector, 1, BigInt(offset), durableWrite));
      if (result > 0 && isUntouched) return result;
      if (result >= 0) throw new IoError({ code: unknownCode, ...attemptOn(file, "write", offset) });
      if (!lacking.has(-result)) throw errnoError(result, attemptOn(file, "write", offset));
      this.#hasDurableWrites = false;
      return undefined;
    } finally {
      // Held up to here, where the kernel has let go of it.
      this.#vectors.push(vector);
    }
  }

  /** Whether the file holds something else where `bytes` were to begin, so that nothing of them was written (T2). */
  #isUntouched(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): boolean {
    const { pread } = this.#symbols;
    const block = this.#files.allocateMemory(blockBytes);
    const count = this.#files.repeat(() => pread(file.fd, block, BigInt(blockBytes), BigInt(offset)));
    if (count < 0) return false;
    const length = Math.min(blockBytes, bytes.length);
    return count < length || compareKeys(block.subarray(0, length), bytes.subarray(0, length)) !== 0;
  }
}
