/**
 * Files in memory behind the engine interface: what a test compares with, and what it damages. It does what the contract
 * of engines says, so that what works here works on a disk.
 */

import { IoError, LockedError } from "../../src/base/mod.ts";
import type {
  DirectSupport,
  EngineName,
  IoEngine,
  IoFile,
  OpenOptions,
  PathLock,
  SupportRequest,
  Transfer,
  WriteOptions,
} from "../../src/io/engine.ts";

/** The contents of a file. */
class Contents {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  length = 0;

  resize(length: number): void {
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    if (length < this.length) this.bytes.fill(0, length, this.length);
    this.length = length;
  }
}

class MemoryFile implements IoFile {
  readonly path: string;
  readonly direct: boolean;
  readonly writable: boolean;
  readonly contents: Contents;
  isOpen = true;

  constructor(path: string, options: OpenOptions, contents: Contents) {
    this.path = path;
    this.direct = options.direct;
    this.writable = options.access === "write";
    this.contents = contents;
  }
}

const directory = Symbol("directory");

/**
 * An engine whose files are in memory. A direct file refuses what is not aligned, as a disk does. A directory `/store`
 * is there from the start.
 */
export class MemoryEngine implements IoEngine {
  readonly name: EngineName = "sim";
  /** What stands at each path, in the order in which it was made. */
  readonly #names = new Map<string, Contents | typeof directory>([["/", directory], [
    "/store",
    directory,
  ]]);
  readonly #locked = new Set<string>();
  #isShutDown = false;
  /** Files that are open. */
  openFiles = 0;

  /** What a file holds now. */
  contents(path: string): Uint8Array<ArrayBuffer> {
    const contents = this.#file(path, "read");
    return contents.bytes.slice(0, contents.length);
  }

  /** Makes a file hold `bytes`. */
  put(path: string, bytes: Uint8Array): void {
    const contents = new Contents();
    contents.resize(bytes.length);
    contents.bytes.set(bytes);
    this.#makeParents(path);
    this.#names.set(path, contents);
  }

  /** The paths of all files, sorted. */
  paths(): string[] {
    return [...this.#names].filter(([, found]) => found !== directory).map(([path]) => path).sort();
  }

  /** The same files again, to be damaged apart. */
  clone(): MemoryEngine {
    const other = new MemoryEngine();
    for (const [path, found] of this.#names) {
      if (found === directory) other.#names.set(path, directory);
      else other.put(path, this.contents(path));
    }
    return other;
  }

  #file(path: string, operation: string): Contents {
    const found = this.#names.get(path);
    if (found === undefined) throw new IoError({ code: "ENOENT", operation, path });
    if (found === directory) throw new IoError({ code: "EISDIR", operation, path });
    return found;
  }

  #makeParents(path: string): void {
    const parent = parentOf(path);
    if (this.#names.has(parent)) return;
    this.#makeParents(parent);
    this.#names.set(parent, directory);
  }

  #own(file: IoFile): MemoryFile {
    if (file instanceof MemoryFile && file.isOpen) return file;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is closed`);
  }

  /** Does an operation whose errors are rejections. */
  #run<T>(work: () => T): Promise<T> {
    return Promise.try(() => {
      this.#checkRunning();
      return work();
    });
  }

  #checkRunning(): void {
    if (this.#isShutDown) throw new Deno.errors.BadResource("Cannot use the engine: it is shut down");
  }

  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    this.#checkRunning();
    if (!(byteLength > 0 && byteLength % 4096 === 0)) throw new RangeError("expected whole blocks");
    return new Uint8Array(byteLength);
  }

  open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.#run(() => {
      if (options.create) {
        if (this.#names.has(path)) throw new IoError({ code: "EEXIST", operation: "create", path });
        this.#makeParents(path);
        this.#names.set(path, new Contents());
      }
      const file = new MemoryFile(path, options, this.#file(path, "open"));
      this.openFiles++;
      return file;
    });
  }

  close(file: IoFile): Promise<void> {
    return this.#run(() => {
      this.#own(file).isOpen = false;
      this.openFiles--;
    });
  }

  size(file: IoFile): Promise<number> {
    return this.#run(() => this.#own(file).contents.length);
  }

  nextData(file: IoFile, offset: number): Promise<number> {
    return this.#run(() => {
      const { contents } = this.#own(file);
      checkOffset(file, "measure", offset);
      return Math.min(offset, contents.length);
    });
  }

  read(batch: readonly Transfer[]): Promise<void> {
    return this.#each(batch, "read", (transfer, { contents }) => {
      const end = Math.min(contents.length, transfer.offset + transfer.bytes.length);
      const bytes = contents.bytes.subarray(transfer.offset, Math.max(transfer.offset, end));
      transfer.bytes.set(bytes);
      transfer.done = bytes.length;
    });
  }

  write(batch: readonly Transfer[], _options?: WriteOptions): Promise<void> {
    return this.#each(batch, "write", (transfer, { contents, path, writable }) => {
      const { offset, bytes } = transfer;
      if (!writable) throw new IoError({ code: "EBADF", operation: "write", path, offset });
      if (bytes.length > 0) contents.resize(Math.max(contents.length, offset + bytes.length));
      contents.bytes.set(bytes, offset);
      transfer.done = bytes.length;
    });
  }

  async #each(
    batch: readonly Transfer[],
    operation: string,
    work: (transfer: Transfer, file: MemoryFile) => void,
  ): Promise<void> {
    const isRefused = this.#isShutDown;
    await Promise.resolve();
    for (const transfer of batch) {
      const { file, offset, bytes } = transfer;
      transfer.done = 0;
      transfer.error = undefined;
      try {
        if (isRefused) this.#checkRunning();
        const own = this.#own(file);
        checkOffset(file, operation, offset);
        const isAligned = [offset, bytes.length, bytes.byteOffset].every((number) => number % 4096 === 0);
        if (file.direct && !isAligned) {
          throw new IoError({ code: "EINVAL", operation, path: file.path, offset });
        }
        work(transfer, own);
      } catch (error) {
        transfer.error = error as Error;
      }
    }
  }

  datasync(file: IoFile): Promise<void> {
    return this.#run(() => void this.#own(file));
  }

  sync(file: IoFile): Promise<void> {
    return this.#run(() => void this.#own(file));
  }

  truncate(file: IoFile, length: number): Promise<void> {
    return this.#run(() => {
      const { contents } = this.#own(file);
      checkOffset(file, "truncate", length);
      contents.resize(length);
    });
  }

  allocate(file: IoFile, length: number): Promise<void> {
    return this.#run(() => {
      const { contents } = this.#own(file);
      checkOffset(file, "allocate", length);
      contents.resize(Math.max(length, contents.length));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run(() => {
      const file = this.#file(from, "rename");
      if (this.#names.get(to) === directory) {
        throw new IoError({ code: "EISDIR", operation: "rename", path: from });
      }
      this.#names.set(to, file);
      this.#names.delete(from);
    });
  }

  remove(path: string): Promise<void> {
    return this.#run(() => {
      if (this.#names.get(path) !== directory) this.#file(path, "remove");
      else if (this.#children(path).length > 0) {
        throw new IoError({ code: "ENOTEMPTY", operation: "remove", path });
      }
      this.#names.delete(path);
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run(() => {
      for (let at = path; at !== "/"; at = parentOf(at)) {
        const found = this.#names.get(at);
        if (found === undefined || found === directory) continue;
        throw new IoError({ code: at === path ? "EEXIST" : "ENOTDIR", operation: "make directory", path });
      }
      this.#makeParents(`${path}/name`);
    });
  }

  list(path: string): Promise<string[]> {
    return this.#run(() => {
      this.#checkDirectory(path, "list");
      return this.#children(path);
    });
  }

  #checkDirectory(path: string, operation: string): void {
    const found = this.#names.get(path);
    if (found === undefined) throw new IoError({ code: "ENOENT", operation, path });
    if (found !== directory) throw new IoError({ code: "ENOTDIR", operation, path });
  }

  #children(path: string): string[] {
    return [...this.#names.keys()].filter((name) => name !== "/" && parentOf(name) === path)
      .map((name) => name.slice(name.lastIndexOf("/") + 1)).sort();
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run(() => this.#checkDirectory(path, "sync directory"));
  }

  resolve(path: string): Promise<string> {
    return this.#run(() => {
      const { pathname } = new URL(path, "file:///");
      const normal = decodeURIComponent(pathname).replace(/(?<=.)\/+$/, "");
      if (!this.#names.has(normal)) throw new IoError({ code: "ENOENT", operation: "resolve", path });
      return normal;
    });
  }

  lock(path: string): Promise<PathLock> {
    return this.#run(() => {
      if (!this.#names.has(path)) throw new IoError({ code: "ENOENT", operation: "lock", path });
      if (this.#locked.has(path)) throw new LockedError(`Cannot lock "${path}": it is open elsewhere`);
      this.#locked.add(path);
      let isHeld = true;
      const release = () => {
        if (isHeld) this.#locked.delete(path);
        isHeld = false;
        return Promise.resolve();
      };
      return { holds: () => Promise.resolve(isHeld && this.#names.has(path)), release };
    });
  }

  support(_directory: string, request: SupportRequest): Promise<DirectSupport> {
    const alignment = { memory: 4096, offset: 4096 };
    return this.#run(() => ({ read: true, write: request.write, alignment, notes: [] }));
  }

  shutdown(): Promise<void> {
    this.#isShutDown = true;
    return Promise.resolve();
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function checkOffset(file: IoFile, operation: string, offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw new IoError({ code: "EINVAL", operation, path: file.path, offset });
}
