/**
 * The engine `node`: `node:fs` with numeric flags, and no FFI. It works under path-scoped `--allow-read` and
 * `--allow-write` alone, and on every system; direct IO it has where `node:fs` knows `O_DIRECT`, which is Linux.
 *
 * Memory is carved out of WebAssembly memories, which stand at page boundaries; an `ArrayBuffer` does not.
 *
 * @module
 */

import { fdatasync, fstatSync, fsync, ftruncate } from "node:fs";
import { promisify } from "node:util";
import type { DescriptorBudget } from "./descriptor_pool.ts";
import type { IoEngine, IoFile, OpenOptions, Transfer } from "./engine.ts";
import { type Attempt, classify } from "./errno.ts";
import { listDirectory, makeDirectory, removeFile, renameFile, syncDirectory } from "./namespace.ts";
import { NodeFile } from "./node_file.ts";
import { PageArena } from "./page_arena.ts";
import { checkOffset } from "./transfer.ts";
import { TransferQueue } from "./transfer_queue.ts";
import { Turnstile } from "./turnstile.ts";

/** Transfers in flight: half of the runtime's thread pool, which serves the whole process. */
const nodeDepth = 16;
/** Descriptors beyond the first of each file, so that an engine stays far below the usual limit of 1024. */
const spareDescriptors = 256;

/** An engine on `node:fs`. */
export class NodeEngine implements IoEngine {
  /** Its name. */
  readonly name = "node";
  readonly #turnstile = new Turnstile("node");
  readonly #files = new Set<NodeFile>();
  readonly #arena = new PageArena();
  readonly #budget: DescriptorBudget = { left: spareDescriptors };
  readonly #queue: TransferQueue<NodeFile>;

  /** Makes an engine. */
  constructor() {
    this.#queue = new TransferQueue(
      {
        own: (file) => this.#own(file),
        pread: (file, bytes, offset) => file.read(bytes, offset),
        pwrite: (file, bytes, offset) => file.write(bytes, offset),
        size: (file) => fstatSync(file.fd).size,
      },
      nodeDepth,
      this.#turnstile,
    );
  }

  /** See {@linkcode IoEngine.allocateMemory}. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    if (this.#turnstile.closed) throw this.#turnstile.refusal();
    return this.#arena.allocate(byteLength);
  }

  /** See {@linkcode IoEngine.open}. */
  open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.#turnstile.run(async () => {
      const file = await NodeFile.open(path, options, this.#budget);
      this.#files.add(file);
      return file;
    });
  }

  /** See {@linkcode IoEngine.close}. */
  close(file: IoFile): Promise<void> {
    return this.#turnstile.run(() => {
      const own = this.#own(file);
      this.#files.delete(own);
      own.close();
    });
  }

  /** See {@linkcode IoEngine.size}. */
  size(file: IoFile): Promise<number> {
    return this.#on(file, "measure", undefined, (fd) => fstatSync(fd).size);
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
    return this.#on(file, "datasync", undefined, promisify(fdatasync));
  }

  /** See {@linkcode IoEngine.sync}. */
  sync(file: IoFile): Promise<void> {
    return this.#on(file, "sync", undefined, promisify(fsync));
  }

  /** See {@linkcode IoEngine.truncate}. */
  truncate(file: IoFile, length: number): Promise<void> {
    return this.#on(file, "truncate", length, (fd) => promisify(ftruncate)(fd, length));
  }

  /** See {@linkcode IoEngine.allocate}. `node:fs` cannot reserve room: the file is only extended, with a hole. */
  allocate(file: IoFile, length: number): Promise<void> {
    return this.#on(file, "allocate", length, async (fd) => {
      if (fstatSync(fd).size < length) await promisify(ftruncate)(fd, length);
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
    for (const file of this.#files) file.close();
    this.#files.clear();
  }

  #own(file: IoFile): NodeFile {
    if (!(file instanceof NodeFile)) {
      throw new TypeError(`Cannot use "${file.path}": another engine opened it`);
    }
    if (this.#files.has(file)) return file;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is closed`);
  }

  #on<T>(
    file: IoFile,
    operation: string,
    offset: number | undefined,
    body: (fd: number) => T | Promise<T>,
  ): Promise<T> {
    const attempt: Attempt = { operation, path: file.path, offset };
    return this.#turnstile.run(async () => {
      const { fd } = this.#own(file);
      if (offset !== undefined) checkOffset(offset, attempt);
      try {
        return await body(fd);
      } catch (error) {
        throw classify(error, attempt);
      }
    });
  }
}
