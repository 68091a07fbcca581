/**
 * An engine of the operating system, whatever moves its bytes: the proof of direct IO, and who may still come in.
 *
 * ```
 *   SystemEngine ─┬─ Names                    names and locks, through libc or the runtime's own calls
 *                 ├─ Files                    open files, of libc or of node:fs
 *                 └─ Transport                bytes in and out, syncs: a ring, threads, node:fs
 * ```
 *
 * @module
 */

import { leasePath } from "./path_lock.ts";
import { resolve } from "node:path";
import { type Answers, assert, blockBytes, hasCode } from "../../base/mod.ts";
import { proveDirect } from "../direct_support.ts";
import type {
  DirectSupport,
  EngineName,
  IoEngine,
  IoFile,
  LeaseKind,
  LockTicket,
  OpenOptions,
  PathLock,
  SupportRequest,
  Transfer,
  WriteOptions,
} from "../engine.ts";
import { checkOffset, fail, type TransferOperation } from "../transfer/transfer.ts";
import { attempting } from "./errno.ts";
import { makeDirectories, type Names } from "./namespace.ts";
import type { Files } from "./files.ts";
import { openRegular } from "./regular_file.ts";
import type { Transport } from "./transport.ts";

/** What an engine of the operating system is made of. */
export interface SystemParts<File extends IoFile> {
  /** Its open files. */
  readonly files: Files<File>;
  /** Names, and locks on them. */
  readonly names: Names;
  /** What moves its bytes. */
  readonly transport: Transport<File>;
}

/** The bits of a file's mode that say who may do what. */
const permissionBits = 0o777;

/** An engine of the operating system. */
export class SystemEngine<File extends IoFile> implements IoEngine {
  /** Its name. */
  readonly name: EngineName;
  readonly #files: Files<File>;
  readonly #names: Names;
  readonly #transport: Transport<File>;
  readonly #open = new Set<IoFile>();
  readonly #idle: PromiseWithResolvers<void> = Promise.withResolvers();
  /** How many operations are inside. */
  #inside = 0;
  #ended: Promise<void> | undefined;

  /** Makes an engine that owns its parts. */
  constructor(name: EngineName, parts: SystemParts<File>) {
    this.name = name;
    this.#files = parts.files;
    this.#names = parts.names;
    this.#transport = parts.transport;
  }

  /** See {@linkcode IoEngine.isLost}. */
  get isLost(): boolean {
    return this.#transport.isLost === true;
  }

  /** See {@linkcode IoEngine.answers}. */
  get answers(): Answers | undefined {
    return this.#transport.answers;
  }

  /** See {@linkcode IoEngine.allocateMemory}. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    this.#checkRunning();
    if (!Number.isSafeInteger(byteLength) || byteLength <= 0 || byteLength % blockBytes !== 0) {
      throw new RangeError(
        `Cannot allocate ${byteLength} bytes: expected a positive multiple of ${blockBytes}`,
      );
    }
    return this.#files.allocateMemory(byteLength);
  }

  /** See {@linkcode IoEngine.discard}. After the end there is nobody to ask. */
  discard(memory: SharedArrayBuffer): Promise<boolean> | undefined {
    if (this.#ended !== undefined || this.#files.discard === undefined) return undefined;
    this.#inside++;
    return this.#files.discard(memory).finally(() => this.#leave());
  }

  /** See {@linkcode IoEngine.open}. */
  open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.#run("open", path, async () => {
      const file = await openRegular(this.#files, path, options);
      this.#open.add(file);
      return file;
    });
  }

  /** See {@linkcode IoEngine.close}. */
  close(file: IoFile): Promise<void> {
    return this.#on(file, "close", undefined, (own) => {
      this.#open.delete(own);
      this.#files.close(own);
    });
  }

  /** See {@linkcode IoEngine.size}. */
  size(file: IoFile): Promise<number> {
    return this.#on(file, "measure", undefined, (own) => this.#files.size(own));
  }

  /** See {@linkcode IoEngine.nextData}. */
  nextData(file: IoFile, offset: number): Promise<number> {
    const anywhere = (own: File) => Math.min(offset, this.#files.size(own));
    return this.#on(file, "measure", offset, (own) => this.#files.nextData?.(own, offset) ?? anywhere(own));
  }

  /** See {@linkcode IoEngine.read}. */
  read(batch: readonly Transfer[]): Promise<void> {
    return this.#transfer("read", batch, false);
  }

  /** See {@linkcode IoEngine.write}. */
  write(batch: readonly Transfer[], options?: WriteOptions): Promise<void> {
    return this.#transfer("write", batch, options?.durable === true);
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
  allocate(file: IoFile, length: number): Promise<boolean> {
    return this.#on(file, "allocate", length, async (own) => {
      if (length === 0) return true;
      let isReserved = this.#transport.allocate !== undefined;
      try {
        await this.#transport.allocate?.(own, length);
      } catch (error) {
        if (!hasCode(error, "EOPNOTSUPP", "ENOSYS")) throw error;
        isReserved = false;
      }
      if (this.#files.size(own) < length) await this.#files.truncate(own, length);
      return isReserved;
    });
  }

  /** See {@linkcode IoEngine.rename}. */
  rename(from: string, to: string): Promise<void> {
    return this.#run("rename", from, () => this.#names.rename(from, to));
  }

  /** See {@linkcode IoEngine.remove}. */
  remove(path: string): Promise<void> {
    return this.#run("remove", path, () => this.#names.remove(path));
  }

  /** See {@linkcode IoEngine.makeDirectory}. */
  makeDirectory(path: string): Promise<void> {
    return this.#run("make directory", path, () => makeDirectories(this.#names, resolve(path)));
  }

  /** See {@linkcode IoEngine.list}. */
  list(path: string): Promise<string[]> {
    return this.#run("list", path, () => this.#names.list(path));
  }

  /** See {@linkcode IoEngine.permissions}. */
  permissions(path: string): Promise<number | undefined> {
    return this.#run("inspect", path, async () => {
      const { mode } = await Deno.lstat(path);
      return mode === null ? undefined : mode & permissionBits;
    });
  }

  /** See {@linkcode IoEngine.freeBytes}. */
  freeBytes(path: string): Promise<number | undefined> {
    return this.#run("measure", path, () => this.#names.freeBytes(path));
  }

  /** See {@linkcode IoEngine.syncDirectory}. */
  syncDirectory(path: string): Promise<void> {
    return this.#run("sync directory", path, () => this.#names.syncDirectory(path));
  }

  /** See {@linkcode IoEngine.resolve}. */
  resolve(path: string): Promise<string> {
    return this.#run("resolve", path, () => Deno.realPath(path));
  }

  /** See {@linkcode IoEngine.lock}. The lock outlives the engine. */
  lock(path: string): Promise<PathLock> {
    return this.#run("lock", path, () => this.#names.lock(path));
  }

  /** See {@linkcode IoEngine.join}. */
  join(path: string, ticket: LockTicket): Promise<PathLock> {
    return this.#run("lock", path, () => this.#names.join(path, ticket));
  }

  /** See {@linkcode IoEngine.lease}. The lease outlives the engine. */
  lease(path: string, kind: LeaseKind): Promise<PathLock> {
    return this.#run("lock", path, () => leasePath(path, kind));
  }

  /** See {@linkcode IoEngine.support}. */
  support(directory: string, request: SupportRequest): Promise<DirectSupport> {
    return proveDirect(this, directory, request, (path) => this.#files.alignment?.(path));
  }

  /** See {@linkcode IoEngine.shutdown}. Files that are still open are closed. */
  shutdown(): Promise<void> {
    return this.#ended ??= this.#end();
  }

  async #end(): Promise<void> {
    if (this.#inside > 0) await this.#idle.promise;
    await this.#transport.stop?.();
    for (const file of this.#open) this.#files.close(file as File);
    this.#open.clear();
    this.#files.end?.();
  }

  #checkRunning(): void {
    if (this.#ended === undefined) return;
    throw new Deno.errors.BadResource(`Cannot use IO engine "${this.name}": it is shut down`);
  }

  #own(file: IoFile): File {
    this.#checkRunning();
    if (this.#open.has(file)) return file as File;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is not open in this engine`);
  }

  async #run<T>(operation: string, path: string, body: () => T | Promise<T>, offset?: number): Promise<T> {
    this.#checkRunning();
    this.#inside++;
    try {
      return await attempting({ operation, path, offset }, body);
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    assert(this.#inside > 0, "nobody is inside the engine");
    this.#inside--;
    if (this.#ended !== undefined && this.#inside === 0) this.#idle.resolve();
  }

  #on<T>(
    file: IoFile,
    operation: string,
    offset: number | undefined,
    body: (own: File) => T | Promise<T>,
  ): Promise<T> {
    return this.#run(operation, file.path, () => {
      const own = this.#own(file);
      if (offset !== undefined) checkOffset(file, operation, offset);
      return body(own);
    }, offset);
  }

  #transfer(operation: TransferOperation, batch: readonly Transfer[], durable: boolean): Promise<void> {
    const ready = batch.filter((transfer) => this.#admits(operation, transfer));
    if (ready.length === 0) return Promise.resolve();
    this.#inside++;
    return new Promise((resolve) =>
      this.#transport.transfer(operation, ready, durable, () => {
        this.#leave();
        resolve();
      })
    );
  }

  /** Whether there is anything to transfer. */
  #admits(operation: TransferOperation, transfer: Transfer): boolean {
    transfer.done = 0;
    transfer.error = undefined;
    try {
      this.#own(transfer.file);
      checkOffset(transfer.file, operation, transfer.offset);
    } catch (error) {
      fail(transfer, operation, error);
    }
    return transfer.error === undefined && transfer.bytes.length > 0;
  }
}
