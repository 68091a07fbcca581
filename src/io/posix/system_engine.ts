/**
 * An engine of the operating system, whatever moves its bytes: names, locks, the proof of direct IO, and who may still
 * come in.
 *
 * ```
 *   SystemEngine ─┬─ names, lock, support     the same for all, through the runtime's own calls
 *                 ├─ Files                    open files, of libc or of node:fs
 *                 └─ Transport                bytes in and out, syncs: a ring, threads, node:fs
 * ```
 *
 * @module
 */

import { proveDirect } from "../direct_support.ts";
import type {
  DirectAlignment,
  DirectoryLock,
  DirectSupport,
  EngineName,
  IoEngine,
  IoFile,
  OpenOptions,
  SupportRequest,
  Transfer,
  WriteOptions,
} from "../engine.ts";
import { checkOffset, fail } from "../transfer/transfer.ts";
import { Turnstile } from "../transfer/turnstile.ts";
import { lockDirectory } from "./directory_lock.ts";
import { classify } from "./errno.ts";
import {
  listDirectory,
  makeDirectory,
  removeFile,
  renameFile,
  resolvePath,
  syncDirectory,
} from "./namespace.ts";

/** The open files of an engine. What it throws may be any error of the system's. */
export interface Files<File extends IoFile> {
  /** Takes aligned memory. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer>;
  /** Opens a file. */
  open(path: string, options: OpenOptions): Promise<File>;
  /** Checks that the engine opened `file` and that it is open still. */
  own(file: IoFile): File;
  /** Closes a file. */
  close(file: File): void;
  /** The length of a file in bytes. */
  size(file: File): number;
  /** See {@linkcode IoEngine.nextData}. */
  nextData(file: File, offset: number): number;
  /** Sets the length of a file in bytes. */
  truncate(file: File, length: number): Promise<void>;
  /** What the system says that direct IO on a file needs; `undefined` if it does not say. */
  alignment(path: string): DirectAlignment | undefined;
  /** Closes every file that is open, and gives up what they rest on. */
  closeAll(): void;
}

/** What moves the bytes of an engine. What it throws may be any error of the system's. */
export interface Transport<File extends IoFile> {
  /** Reads a batch, which is not empty, and calls `done` when the last of it is. It does not throw. */
  read(batch: readonly Transfer[], done: () => void): void;
  /** Writes a batch, which is not empty, and calls `done` when the last of it is. It does not throw. */
  write(batch: readonly Transfer[], durable: boolean, done: () => void): void;
  /** Makes contents and length of a file durable. */
  datasync(file: File): Promise<void>;
  /** Makes a file durable with all its metadata. */
  sync(file: File): Promise<void>;
  /** See {@linkcode IoEngine.allocate}; `length` is not 0. */
  allocate(file: File, length: number): Promise<void>;
  /** See {@linkcode IoEngine.isLost}. */
  readonly isLost?: boolean;
  /** Gives up what it holds; nothing is in flight. */
  close?(): Promise<void>;
}

/** An engine of the operating system. */
export class SystemEngine<File extends IoFile> implements IoEngine {
  /** Its name. */
  readonly name: EngineName;
  readonly #files: Files<File>;
  readonly #transport: Transport<File>;
  readonly #turnstile: Turnstile;
  #ended: Promise<void> | undefined;

  /** Makes an engine that owns `files` and `transport`. */
  constructor(name: EngineName, files: Files<File>, transport: Transport<File>) {
    this.name = name;
    this.#files = files;
    this.#transport = transport;
    this.#turnstile = new Turnstile(name);
  }

  /** See {@linkcode IoEngine.isLost}. */
  get isLost(): boolean {
    return this.#transport.isLost === true;
  }

  /** See {@linkcode IoEngine.allocateMemory}. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    if (this.#turnstile.closed) throw this.#turnstile.refusal();
    return this.#files.allocateMemory(byteLength);
  }

  /** See {@linkcode IoEngine.open}. */
  open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.#turnstile.run(async () => {
      try {
        return await this.#files.open(path, options);
      } catch (error) {
        throw classify(error, { operation: options.create ? "create" : "open", path });
      }
    });
  }

  /** See {@linkcode IoEngine.close}. */
  close(file: IoFile): Promise<void> {
    return this.#on(file, "close", undefined, (own) => this.#files.close(own));
  }

  /** See {@linkcode IoEngine.size}. */
  size(file: IoFile): Promise<number> {
    return this.#on(file, "measure", undefined, (own) => this.#files.size(own));
  }

  /** See {@linkcode IoEngine.nextData}. */
  nextData(file: IoFile, offset: number): Promise<number> {
    return this.#on(file, "measure", offset, (own) => this.#files.nextData(own, offset));
  }

  /** See {@linkcode IoEngine.read}. */
  read(batch: readonly Transfer[]): Promise<void> {
    return this.#transfer("read", batch, (done) => this.#transport.read(batch, done));
  }

  /** See {@linkcode IoEngine.write}. */
  write(batch: readonly Transfer[], options?: WriteOptions): Promise<void> {
    const durable = options?.durable === true;
    return this.#transfer("write", batch, (done) => this.#transport.write(batch, durable, done));
  }

  /** See {@linkcode IoEngine.datasync}. */
  datasync(file: IoFile): Promise<void> {
    return this.#on(file, "datasync", undefined, (own) => this.#transport.datasync(own));
  }

  /** See {@linkcode IoEngine.sync}. */
  sync(file: IoFile): Promise<void> {
    return this.#on(file, "sync", undefined, (own) => this.#transport.sync(own));
  }

  /** See {@linkcode IoEngine.truncate}. */
  truncate(file: IoFile, length: number): Promise<void> {
    return this.#on(file, "truncate", length, (own) => this.#files.truncate(own, length));
  }

  /** See {@linkcode IoEngine.allocate}. */
  allocate(file: IoFile, length: number): Promise<void> {
    return this.#on(file, "allocate", length, async (own) => {
      if (length > 0) await this.#transport.allocate(own, length);
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

  /** See {@linkcode IoEngine.resolve}. */
  resolve(path: string): Promise<string> {
    return this.#turnstile.run(() => resolvePath(path));
  }

  /** See {@linkcode IoEngine.lock}. The lock outlives the engine. */
  lock(directory: string): Promise<DirectoryLock> {
    return this.#turnstile.run(() => lockDirectory(directory));
  }

  /** See {@linkcode IoEngine.support}. */
  support(directory: string, request: SupportRequest): Promise<DirectSupport> {
    return proveDirect(this, directory, request, (path) => this.#files.alignment(path));
  }

  /** See {@linkcode IoEngine.shutdown}. Files that are still open are closed. */
  shutdown(): Promise<void> {
    return this.#ended ??= this.#end();
  }

  async #end(): Promise<void> {
    await this.#turnstile.close();
    await this.#transport.close?.();
    this.#files.closeAll();
  }

  #on<T>(
    file: IoFile,
    operation: string,
    offset: number | undefined,
    body: (own: File) => T | Promise<T>,
  ): Promise<T> {
    const attempt = { operation, path: file.path, offset };
    return this.#turnstile.run(async () => {
      const own = this.#files.own(file);
      if (offset !== undefined) checkOffset(offset, attempt);
      try {
        return await body(own);
      } catch (error) {
        throw classify(error, attempt);
      }
    });
  }

  #transfer(
    operation: string,
    batch: readonly Transfer[],
    start: (done: () => void) => void,
  ): Promise<void> {
    if (batch.length === 0) return Promise.resolve();
    if (this.#turnstile.closed) {
      for (const transfer of batch) {
        transfer.done = 0;
        fail(transfer, operation, this.#turnstile.refusal());
      }
      return Promise.resolve();
    }
    this.#turnstile.enter();
    return new Promise((resolve) =>
      start(() => {
        this.#turnstile.leave();
        resolve();
      })
    );
  }
}
