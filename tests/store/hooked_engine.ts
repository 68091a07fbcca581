/** An engine in front of a real one, which a test can hold or fail at any operation. */

import { IoError } from "../../src/base/mod.ts";
import { proveDirect } from "../../src/io/direct_support.ts";
import type {
  DirectSupport,
  EngineName,
  IoEngine,
  IoFile,
  LeaseKind,
  OpenOptions,
  PathLock,
  SupportRequest,
  Transfer,
  WriteOptions,
} from "../../src/io/engine.ts";
import { nodeEngine } from "../../src/io/node/node_engine.ts";

/** The operations that pass the hook. */
export type Operation = Exclude<keyof IoEngine, "name" | "allocateMemory" | "shutdown">;

/** Is asked before each operation; it may wait, or throw what the operation is to fail with. */
export type Hook = (operation: Operation, path: string) => Promise<void> | void;

/** See the top of the file. It stands in front of the engine `node`, unless it is given another. */
export class HookedEngine implements IoEngine, AsyncDisposable {
  /** Its name. */
  readonly name: EngineName;
  /** Asked before each operation. */
  hook: Hook = () => {};
  /** Files that are open. */
  readonly files: Set<IoFile> = new Set();
  readonly #inner: IoEngine;

  constructor(inner: IoEngine = nodeEngine()) {
    this.#inner = inner;
    this.name = inner.name;
  }

  async #run<T>(operation: Operation, path: string, work: () => Promise<T>): Promise<T> {
    await this.hook(operation, path);
    return await work();
  }

  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    return this.#inner.allocateMemory(byteLength);
  }

  async open(path: string, options: OpenOptions): Promise<IoFile> {
    // What is opened to be read only does not ask: no disk is too full for that.
    if (options.access === "write") await this.hook("open", path);
    const file = await this.#inner.open(path, options);
    this.files.add(file);
    return file;
  }

  async close(file: IoFile): Promise<void> {
    await this.#run("close", file.path, () => this.#inner.close(file));
    this.files.delete(file);
  }

  size(file: IoFile): Promise<number> {
    return this.#run("size", file.path, () => this.#inner.size(file));
  }

  nextData(file: IoFile, offset: number): Promise<number> {
    return this.#run("nextData", file.path, () => this.#inner.nextData(file, offset));
  }

  async read(batch: readonly Transfer[]): Promise<void> {
    await this.#inner.read(await this.#passed("read", batch));
  }

  async write(batch: readonly Transfer[], options?: WriteOptions): Promise<void> {
    await this.#inner.write(await this.#passed("write", batch), options);
  }

  /** The transfers that the hook lets pass; the others have failed. */
  async #passed(operation: "read" | "write", batch: readonly Transfer[]): Promise<Transfer[]> {
    const passed: Transfer[] = [];
    for (const transfer of batch) {
      try {
        await this.hook(operation, transfer.file.path);
        passed.push(transfer);
      } catch (error) {
        transfer.done = 0;
        transfer.error = error as Error;
      }
    }
    return passed;
  }

  datasync(file: IoFile): Promise<void> {
    return this.#run("datasync", file.path, () => this.#inner.datasync(file));
  }

  sync(file: IoFile): Promise<void> {
    return this.#run("sync", file.path, () => this.#inner.sync(file));
  }

  truncate(file: IoFile, length: number): Promise<void> {
    return this.#run("truncate", file.path, () => this.#inner.truncate(file, length));
  }

  allocate(file: IoFile, length: number): Promise<boolean> {
    return this.#run("allocate", file.path, () => this.#inner.allocate(file, length));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run("rename", to, () => this.#inner.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#run("remove", path, () => this.#inner.remove(path));
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run("makeDirectory", path, () => this.#inner.makeDirectory(path));
  }

  list(path: string): Promise<string[]> {
    return this.#run("list", path, () => this.#inner.list(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run("syncDirectory", path, () => this.#inner.syncDirectory(path));
  }

  resolve(path: string): Promise<string> {
    return this.#run("resolve", path, () => this.#inner.resolve(path));
  }

  lock(directory: string): Promise<PathLock> {
    return this.#run("lock", directory, () => this.#inner.lock(directory));
  }

  lease(path: string, kind: LeaseKind): Promise<PathLock> {
    return this.#run("lease", path, () => this.#inner.lease(path, kind));
  }

  support(directory: string, request: SupportRequest): Promise<DirectSupport> {
    return proveDirect(this, directory, request, () => undefined);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}

/** An error of the operating system, as an engine reports it. */
export function errno(code: string, operation: string, path: string): IoError {
  return new IoError({ code, operation, path });
}

/** Something that waits until it is let go. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>();
  readonly #reached = Promise.withResolvers<void>();

  /** Waits at the gate. */
  wait(): Promise<void> {
    this.#reached.resolve();
    return this.#opened.promise;
  }

  /** Resolves when somebody waits. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Lets everybody through, now and later. */
  open(): void {
    this.#opened.resolve();
  }
}
