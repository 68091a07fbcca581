/**
 * A disk in memory that forgets, when the power goes, every name and every byte that was not made durable.
 *
 * ```
 *   names:  open(create), rename, remove ──► live ──syncDirectory──► durable
 *   bytes:  write, truncate, allocate ─────► live ──datasync, sync─► durable ◄── a durable write, its own bytes
 * ```
 */

import type { IoFile, OpenOptions, Transfer, WriteOptions } from "../../src/io/engine.ts";
import { MemoryEngine } from "../io/memory_engine.ts";

/** A file, whatever its names are. */
interface Inode {
  path: string;
  durable: Uint8Array<ArrayBuffer>;
}

/** See the top of the file. */
export class ForgetfulEngine extends MemoryEngine {
  readonly #live = new Map<string, Inode>();
  readonly #durable = new Map<string, Inode>();
  readonly #directories = new Set<string>();
  readonly #inodes = new WeakMap<IoFile, Inode>();

  /** What is left on the disk when the power goes now. */
  async afterPowerLoss(): Promise<ForgetfulEngine> {
    const left = new ForgetfulEngine();
    for (const path of this.#directories) await left.makeDirectory(path);
    for (const [path, { durable }] of this.#durable) left.put(path, durable);
    return left;
  }

  override put(path: string, bytes: Uint8Array): void {
    super.put(path, bytes);
    const inode = { path, durable: bytes.slice() };
    this.#live.set(path, inode);
    this.#durable.set(path, inode);
  }

  #inode(file: IoFile): Inode {
    return this.#inodes.get(file) as Inode;
  }

  override async open(path: string, options: OpenOptions): Promise<IoFile> {
    const file = await super.open(path, options);
    if (options.create === true) this.#live.set(path, { path, durable: new Uint8Array(0) });
    this.#inodes.set(file, this.#live.get(path) as Inode);
    return file;
  }

  override async write(batch: readonly Transfer[], options: WriteOptions = {}): Promise<void> {
    await super.write(batch);
    if (options.durable !== true) return;
    for (const { file, offset, done } of batch) {
      const inode = this.#inode(file), whole = this.contents(inode.path);
      const durable = new Uint8Array(Math.max(inode.durable.length, offset + done));
      durable.set(inode.durable);
      durable.set(whole.subarray(offset, offset + done), offset);
      inode.durable = durable;
    }
  }

  override async datasync(file: IoFile): Promise<void> {
    await super.datasync(file);
    const inode = this.#inode(file);
    inode.durable = this.contents(inode.path);
  }

  override async sync(file: IoFile): Promise<void> {
    await this.datasync(file);
  }

  override async rename(from: string, to: string): Promise<void> {
    await super.rename(from, to);
    const inode = this.#live.get(from) as Inode;
    this.#live.delete(from);
    this.#live.set(to, inode);
    inode.path = to;
  }

  override async remove(path: string): Promise<void> {
    await super.remove(path);
    this.#live.delete(path);
  }

  override async makeDirectory(path: string): Promise<void> {
    await super.makeDirectory(path);
    this.#directories.add(path);
  }

  override async syncDirectory(path: string): Promise<void> {
    await super.syncDirectory(path);
    const isIn = (name: string) => name.slice(0, name.lastIndexOf("/")) === path;
    for (const name of this.#durable.keys()) if (isIn(name)) this.#durable.delete(name);
    for (const [name, inode] of this.#live) if (isIn(name)) this.#durable.set(name, inode);
  }
}
