/**
 * The engine `threads`: `pread`, `pwrite` and their like on the runtime's thread pool, through FFI on the C library.
 *
 * The pool has 32 threads and serves the whole process, so the engine takes at most half of it.
 *
 * errno is per thread and therefore lost with a call that ran on the pool. Where it is safe the call is
 * repeated on this thread to learn why it failed (T1–T3).
 *
 * - T1: a read that fails and then succeeds is a success.
 * - T2: a write that fails is reported as failed, whatever its repetition says: the kernel reports a lost page once.
 * - T3: a sync is never repeated. Its code is `EUNKNOWN`.
 *
 * @module
 */

import { IoError } from "../base/mod.ts";
import { alignedMemory } from "./aligned_memory.ts";
import type { IoEngine, IoFile, OpenOptions, Transfer } from "./engine.ts";
import { errnoError, unknownCode } from "./errno.ts";
import type { LibcCalls } from "./libc.ts";
import { attemptOn, closeLibcFile, LibcFile, libcFileSize, libcNextData, openLibcFile } from "./libc_file.ts";
import { listDirectory, makeDirectory, removeFile, renameFile, syncDirectory } from "./namespace.ts";
import type { TransferCalls } from "./transfer.ts";
import { TransferQueue } from "./transfer_queue.ts";
import { Turnstile } from "./turnstile.ts";

const threadsDepth = 16;
const errnoInterrupted = 4;
/** ENOSYS and EOPNOTSUPP: the file system has no `fallocate`. */
const cannotReserve: ReadonlySet<number> = new Set([38, 95]);

/** An engine on the runtime's thread pool. It owns the library it is given. */
export class ThreadsEngine implements IoEngine {
  /** Its name. */
  readonly name = "threads";
  readonly #libc: LibcCalls;
  readonly #turnstile = new Turnstile("threads");
  readonly #queue: TransferQueue<LibcFile>;
  readonly #files = new Set<LibcFile>();
  #disposed = false;

  /** Makes an engine that owns `libc` and unloads it in {@linkcode shutdown}. */
  constructor(libc: LibcCalls) {
    this.#libc = libc;
    this.#queue = new TransferQueue(this.#calls(), threadsDepth, this.#turnstile);
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
    return this.#queue.read(batch);
  }

  /** See {@linkcode IoEngine.write}. */
  write(batch: readonly Transfer[]): Promise<void> {
    return this.#queue.write(batch);
  }

  /** See {@linkcode IoEngine.datasync}. */
  datasync(file: IoFile): Promise<void> {
    return this.#sync(file, "datasync", (fd) => this.#libc.symbols.fdatasyncAsync(fd));
  }

  /** See {@linkcode IoEngine.sync}. */
  sync(file: IoFile): Promise<void> {
    return this.#sync(file, "sync", (fd) => this.#libc.symbols.fsyncAsync(fd));
  }

  /** See {@linkcode IoEngine.truncate}. */
  truncate(file: IoFile, length: number): Promise<void> {
    return this.#turnstile.run(async () => {
      const { fd } = this.#own(file);
      if (await this.#libc.symbols.ftruncateAsync(fd, BigInt(length)) !== 0) {
        this.#setLength(file, fd, length);
      }
    });
  }

  /** See {@linkcode IoEngine.allocate}. */
  allocate(file: IoFile, length: number): Promise<void> {
    return this.#turnstile.run(async () => {
      const own = this.#own(file);
      if (length === 0) return;
      const room = BigInt(length);
      if (await this.#libc.symbols.fallocateAsync(own.fd, 0, 0n, room) === 0) return;
      const result = this.#repeat(() => this.#libc.symbols.fallocate(own.fd, 0, 0n, room));
      if (cannotReserve.has(-result)) return this.#extend(own, length);
      if (result < 0) throw errnoError(result, attemptOn(file, "allocate", length));
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
    for (const file of this.#files) closeLibcFile(this.#libc, file);
    this.#files.clear();
    this.#libc[Symbol.dispose]();
  }

  #calls(): TransferCalls<LibcFile> {
    return {
      own: (file) => this.#own(file),
      pread: (file, bytes, offset) => this.#pread(file, bytes, offset),
      pwrite: (file, bytes, offset) => this.#pwrite(file, bytes, offset),
      size: (file) => libcFileSize(this.#libc, file),
    };
  }

  #own(file: IoFile): LibcFile {
    if (!(file instanceof LibcFile)) {
      throw new TypeError(`Cannot use "${file.path}": another engine opened it`);
    }
    if (this.#files.has(file)) return file;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is closed`);
  }

  #sync(file: IoFile, operation: string, call: (fd: number) => Promise<number>): Promise<void> {
    return this.#turnstile.run(async () => {
      if (await call(this.#own(file).fd) === 0) return;
      throw new IoError({ code: unknownCode, ...attemptOn(file, operation) });
    });
  }

  #setLength(file: IoFile, fd: number, length: number): void {
    const result = this.#repeat(() => this.#libc.symbols.ftruncate(fd, BigInt(length)));
    if (result < 0) throw errnoError(result, attemptOn(file, "truncate", length));
  }

  #extend(file: LibcFile, length: number): void {
    if (libcFileSize(this.#libc, file) < length) this.#setLength(file, file.fd, length);
  }

  async #pread(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    const { pread, preadAsync } = this.#libc.symbols;
    const length = BigInt(bytes.length);
    const count = await preadAsync(file.fd, bytes, length, BigInt(offset));
    if (count >= 0) return Number(count);
    const result = this.#repeat(() => pread(file.fd, bytes, length, BigInt(offset)));
    if (result < 0) throw errnoError(result, attemptOn(file, "read", offset));
    return result;
  }

  async #pwrite(file: LibcFile, bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    const { pwrite, pwriteAsync } = this.#libc.symbols;
    const length = BigInt(bytes.length);
    const count = await pwriteAsync(file.fd, bytes, length, BigInt(offset));
    if (count >= 0) return Number(count);
    let result = this.#repeat(() => pwrite(file.fd, bytes, length, BigInt(offset)));
    // A disk that is nearly full takes a part now and then; what it says of the rest is why it refused the whole.
    for (let done = result; result > 0 && done < bytes.length; done += result) {
      const rest = bytes.subarray(done);
      result = this.#repeat(() => pwrite(file.fd, rest, BigInt(rest.length), BigInt(offset + done)));
    }
    const attempt = attemptOn(file, "write", offset);
    throw result < 0 ? errnoError(result, attempt) : new IoError({ code: unknownCode, ...attempt });
  }

  /** Repeats on this thread a call that failed on the pool; returns its result, or −errno. */
  #repeat(call: () => number | bigint): number {
    for (;;) {
      const result = Number(call());
      if (result >= 0) return result;
      const errno = this.#libc.errno();
      if (errno !== errnoInterrupted) return -errno;
    }
  }
}
