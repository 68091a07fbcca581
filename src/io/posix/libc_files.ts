/**
 * The open files of an engine on the C library. It owns the library.
 *
 * @module
 */

import type { DirectAlignment, IoFile, OpenOptions } from "../engine.ts";
import { alignedMemory } from "../memory/aligned_memory.ts";
import { errnoError } from "./errno.ts";
import type { LibcCalls } from "./libc.ts";
import { attemptOn, closeLibcFile, LibcFile, libcFileSize, libcNextData, openLibcFile } from "./libc_file.ts";
import { statxAlignment } from "./statx.ts";
import type { Files } from "./system_engine.ts";

const errnoInterrupted = 4;

/** The open files of an engine on the C library. */
export class LibcFiles implements Files<LibcFile> {
  /** The library. */
  readonly libc: LibcCalls;
  readonly #open = new Set<LibcFile>();

  /** Takes over a library, which is unloaded when all is closed. */
  constructor(libc: LibcCalls) {
    this.libc = libc;
  }

  /** See {@linkcode Files.allocateMemory}. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    return alignedMemory(this.libc, byteLength);
  }

  /** See {@linkcode Files.open}. */
  open(path: string, options: OpenOptions): Promise<LibcFile> {
    return Promise.try(() => {
      const file = openLibcFile(this.libc, path, options);
      this.#open.add(file);
      return file;
    });
  }

  /** See {@linkcode Files.own}. */
  own(file: IoFile): LibcFile {
    if (!(file instanceof LibcFile)) {
      throw new TypeError(`Cannot use "${file.path}": another engine opened it`);
    }
    if (this.#open.has(file)) return file;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is closed`);
  }

  /** See {@linkcode Files.close}. */
  close(file: LibcFile): void {
    this.#open.delete(file);
    closeLibcFile(this.libc, file);
  }

  /** See {@linkcode Files.size}. */
  size(file: LibcFile): number {
    return libcFileSize(this.libc, file);
  }

  /** See {@linkcode Files.nextData}. */
  nextData(file: LibcFile, offset: number): number {
    return libcNextData(this.libc, file, offset);
  }

  /** See {@linkcode Files.truncate}. */
  async truncate(file: LibcFile, length: number): Promise<void> {
    const { ftruncate, ftruncateAsync } = this.libc.symbols;
    if (await ftruncateAsync(file.fd, BigInt(length)) === 0) return;
    // The errno of the pool's thread is lost, and to set a length twice is to set it once.
    const result = this.repeat(() => ftruncate(file.fd, BigInt(length)));
    if (result < 0) throw errnoError(result, attemptOn(file, "truncate", length));
  }

  /** See {@linkcode Files.alignment}. */
  alignment(path: string): DirectAlignment | undefined {
    return statxAlignment(this.libc, path);
  }

  /** See {@linkcode Files.closeAll}. */
  closeAll(): void {
    for (const file of this.#open) closeLibcFile(this.libc, file);
    this.#open.clear();
    this.libc[Symbol.dispose]();
  }

  /** Repeats on this thread a call that failed on the pool, where errno is lost; returns its result, or −errno. */
  repeat(call: () => number | bigint): number {
    for (;;) {
      const result = Number(call());
      if (result >= 0) return result;
      const errno = this.libc.errno();
      if (errno !== errnoInterrupted) return -errno;
    }
  }

  /** Lengthens a file to `length` where the file system cannot reserve room. */
  async extend(file: LibcFile, length: number): Promise<void> {
    if (this.size(file) < length) await this.truncate(file, length);
  }
}
