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
import type { DirectAlignment, IoEngine, IoFile, OpenOptions, Transfer } from "../engine.ts";
import { type Files, SystemEngine, type Transport } from "../posix/system_engine.ts";
import { syncWritten } from "../transfer/transfer.ts";
import { TransferQueue } from "../transfer/transfer_queue.ts";
import type { DescriptorBudget } from "./descriptor_pool.ts";
import { NodeFile } from "./node_file.ts";
import { PageArena } from "./page_arena.ts";

/** Transfers in flight: half of the runtime's thread pool, which serves the whole process. */
const nodeDepth = 16;
/** Descriptors beyond the first of each file, so that an engine stays far below the usual limit of 1024. */
const spareDescriptors = 256;

const datasyncOf = promisify(fdatasync);
const syncOf = promisify(fsync);
const truncateOf = promisify(ftruncate);

/** Makes an engine on `node:fs`. */
export function nodeEngine(): IoEngine {
  const files = new NodeFiles();
  return new SystemEngine("node", files, new NodeTransport(files));
}

class NodeFiles implements Files<NodeFile> {
  readonly #open = new Set<NodeFile>();
  readonly #arena = new PageArena();
  readonly #budget: DescriptorBudget = { left: spareDescriptors };

  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    return this.#arena.allocate(byteLength);
  }

  async open(path: string, options: OpenOptions): Promise<NodeFile> {
    const file = await NodeFile.open(path, options, this.#budget);
    this.#open.add(file);
    return file;
  }

  own(file: IoFile): NodeFile {
    if (!(file instanceof NodeFile)) {
      throw new TypeError(`Cannot use "${file.path}": another engine opened it`);
    }
    if (this.#open.has(file)) return file;
    throw new Deno.errors.BadResource(`Cannot use "${file.path}": it is closed`);
  }

  close(file: NodeFile): void {
    this.#open.delete(file);
    file.close();
  }

  size(file: NodeFile): number {
    return fstatSync(file.fd).size;
  }

  /** `node:fs` cannot seek for data: it may be anywhere. */
  nextData(file: NodeFile, offset: number): number {
    return Math.min(offset, this.size(file));
  }

  async truncate(file: NodeFile, length: number): Promise<void> {
    await truncateOf(file.fd, length);
  }

  /** `node:fs` does not say. */
  alignment(_path: string): DirectAlignment | undefined {
    return undefined;
  }

  closeAll(): void {
    for (const file of this.#open) file.close();
    this.#open.clear();
  }
}

class NodeTransport implements Transport<NodeFile> {
  readonly #files: NodeFiles;
  readonly #queue: TransferQueue<NodeFile>;

  constructor(files: NodeFiles) {
    this.#files = files;
    const calls = {
      own: (file: IoFile) => files.own(file),
      pread: (file: NodeFile, bytes: Uint8Array, offset: number) => file.read(bytes, offset),
      pwrite: (file: NodeFile, bytes: Uint8Array, offset: number) => file.write(bytes, offset),
      size: (file: NodeFile) => files.size(file),
    };
    this.#queue = new TransferQueue(calls, nodeDepth);
  }

  read(batch: readonly Transfer[], done: () => void): void {
    this.#queue.read(batch, done);
  }

  /** `node:fs` has no durable write: a sync follows. */
  write(batch: readonly Transfer[], durable: boolean, done: () => void): void {
    const sync = (file: IoFile) => this.datasync(this.#files.own(file));
    this.#queue.write(batch, false, durable ? () => void syncWritten(batch, sync).then(done) : done);
  }

  async datasync(file: NodeFile): Promise<void> {
    await datasyncOf(file.fd);
  }

  async sync(file: NodeFile): Promise<void> {
    await syncOf(file.fd);
  }

  /** `node:fs` cannot reserve room: the file is only extended, with a hole. */
  async allocate(file: NodeFile, length: number): Promise<void> {
    if (this.#files.size(file) < length) await this.#files.truncate(file, length);
  }
}
