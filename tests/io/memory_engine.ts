/** Files in memory behind the engine interface: what a test compares with, and what it damages. */

import { IoError } from "../../src/base/mod.ts";
import type { EngineName, IoEngine, IoFile, OpenOptions, Transfer } from "../../src/io/engine.ts";

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
  readonly contents: Contents;
  open = true;

  constructor(path: string, direct: boolean, contents: Contents) {
    this.path = path;
    this.direct = direct;
    this.contents = contents;
  }
}

/** An engine whose files are in memory. A direct file refuses what is not aligned, as a disk does. */
export class MemoryEngine implements IoEngine {
  readonly name: EngineName = "sim";
  readonly #files = new Map<string, Contents>();
  /** Files that are open. */
  openFiles = 0;

  /** What a file holds now. */
  contents(path: string): Uint8Array<ArrayBuffer> {
    const contents = this.#known(path, "read");
    return contents.bytes.slice(0, contents.length);
  }

  /** Makes a file hold `bytes`. */
  put(path: string, bytes: Uint8Array): void {
    const contents = new Contents();
    contents.resize(bytes.length);
    contents.bytes.set(bytes);
    this.#files.set(path, contents);
  }

  /** The paths of all files, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** The same files again, to be damaged apart. */
  clone(): MemoryEngine {
    const other = new MemoryEngine();
    for (const path of this.#files.keys()) other.put(path, this.contents(path));
    return other;
  }

  #known(path: string, operation: string): Contents {
    const contents = this.#files.get(path);
    if (contents === undefined) throw new IoError({ code: "ENOENT", operation, path });
    return contents;
  }

  #own(file: IoFile): Contents {
    if (!(file instanceof MemoryFile) || !file.open) throw new Deno.errors.BadResource("Bad resource ID");
    return file.contents;
  }

  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(byteLength);
  }

  // Errors of these are rejections, as an engine's are, whence the many functions without an await.
  open(path: string, options: OpenOptions): Promise<IoFile> {
    return Promise.try(() => {
      if (options.create) {
        if (this.#files.has(path)) throw new IoError({ code: "EEXIST", operation: "open", path });
        this.#files.set(path, new Contents());
      }
      const file = new MemoryFile(path, options.direct, this.#known(path, "open"));
      this.openFiles++;
      return file;
    });
  }

  close(file: IoFile): Promise<void> {
    return Promise.try(() => {
      this.#own(file);
      (file as MemoryFile).open = false;
      this.openFiles--;
    });
  }

  size(file: IoFile): Promise<number> {
    return Promise.try(() => this.#own(file).length);
  }

  read(batch: readonly Transfer[]): Promise<void> {
    return this.#each(batch, "read", (transfer, contents) => {
      const bytes = contents.bytes.subarray(
        transfer.offset,
        Math.min(contents.length, transfer.offset + transfer.bytes.length),
      );
      transfer.bytes.set(bytes);
      transfer.done = bytes.length;
    });
  }

  write(batch: readonly Transfer[]): Promise<void> {
    return this.#each(batch, "write", (transfer, contents) => {
      contents.resize(Math.max(contents.length, transfer.offset + transfer.bytes.length));
      contents.bytes.set(transfer.bytes, transfer.offset);
      transfer.done = transfer.bytes.length;
    });
  }

  async #each(
    batch: readonly Transfer[],
    operation: string,
    work: (transfer: Transfer, contents: Contents) => void,
  ): Promise<void> {
    await Promise.resolve();
    for (const transfer of batch) {
      const { file, offset, bytes } = transfer;
      transfer.done = 0;
      transfer.error = undefined;
      try {
        const contents = this.#own(file);
        if (file.direct && (offset % 4096 !== 0 || bytes.length % 4096 !== 0)) {
          throw new IoError({ code: "EINVAL", operation, path: file.path, offset });
        }
        work(transfer, contents);
      } catch (error) {
        transfer.error = error as Error;
      }
    }
  }

  datasync(file: IoFile): Promise<void> {
    return Promise.try(() => void this.#own(file));
  }

  sync(file: IoFile): Promise<void> {
    return this.datasync(file);
  }

  truncate(file: IoFile, length: number): Promise<void> {
    return Promise.try(() => this.#own(file).resize(length));
  }

  allocate(file: IoFile, length: number): Promise<void> {
    return Promise.try(() => {
      const contents = this.#own(file);
      contents.resize(Math.max(length, contents.length));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return Promise.try(() => {
      this.#files.set(to, this.#known(from, "rename"));
      this.#files.delete(from);
    });
  }

  remove(path: string): Promise<void> {
    return Promise.try(() => {
      this.#known(path, "remove");
      this.#files.delete(path);
    });
  }

  makeDirectory(_path: string): Promise<void> {
    return Promise.resolve();
  }

  list(path: string): Promise<string[]> {
    const start = `${path}/`;
    const names = this.paths().filter((other) => other.startsWith(start));
    return Promise.resolve(names.map((name) => name.slice(start.length)));
  }

  syncDirectory(_path: string): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
