/**
 * A disk in memory that remembers what was asked of it, and shows what may be left of it after a crash at any moment.
 *
 * ```
 *   time:   0   1   2   3   4   5                    a time is the number of operations that were begun before it
 *           write────┘                               over at 2: what is begun from 2 on comes after it
 *               write────────┘
 *                   sync─────────┘                   covers the first write only
 * ```
 *
 * After a process was killed, what was over is there, and of what was under way a part. After a loss of power, what a
 * sync that is over covers is there, and of everything else any part, block by block.
 */

import type { IoFile, OpenOptions, Transfer, WriteOptions } from "../../../src/io/engine.ts";
import { MemoryEngine } from "../../io/memory_engine.ts";
import type { Random } from "../../random.ts";

const block = 4096;

/** A file, whatever its names are. */
interface Inode {
  readonly base: Uint8Array;
}

/** What was asked. */
type Asked =
  | { kind: "write"; inode: Inode; offset: number; bytes: Uint8Array; durable: boolean }
  | { kind: "length"; inode: Inode; length: number; grow: boolean }
  | { kind: "sync"; inode: Inode }
  | { kind: "name"; path: string; inode: Inode | undefined; gone?: string | undefined }
  | { kind: "syncDirectory"; path: string };

/** What was asked, when it was begun, and when it was over. */
type Operation = Asked & { readonly begun: number; over: number };

/** What crashed: the process alone, or the machine. */
export type Crash = "kill" | "power";

/** See the top of the file. */
export class CrashDisk extends MemoryEngine {
  /** Called before each operation is begun, and after it is over. */
  observe: () => void = () => {};
  #log: Operation[] = [];
  #time = 0;
  #directories = new Set<string>();
  #start = new Map<string, Inode>();
  readonly #live = new Map<string, Inode>();
  readonly #inodes = new WeakMap<IoFile, Inode>();

  /** Starts with what stands on another disk, all of it durable. */
  static from(other: MemoryEngine): CrashDisk {
    const disk = new CrashDisk();
    for (const path of other.paths()) disk.#start.set(path, { base: other.contents(path) });
    for (const path of disk.#start.keys()) disk.#directories.add(path.slice(0, path.lastIndexOf("/")));
    disk.#bringToLife();
    return disk;
  }

  /** How many operations were begun. */
  get time(): number {
    return this.#time;
  }

  /**
   * What may be left after a crash at a time: a disk that goes on from there, and on which after a kill what was not
   * durable is not durable yet.
   */
  after(crash: Crash, time: number, random: Random): CrashDisk {
    const left = new CrashDisk();
    left.#time = time;
    left.#directories = new Set(this.#directories);
    left.#start = this.#start;
    left.#log = this.#log.filter(({ begun }) => begun < time).flatMap((operation) =>
      this.#leftOf(operation, crash, time, random)
    );
    const live = left.#bringToLife();
    return crash === "kill" ? left : CrashDisk.from(live);
  }

  /** What is left of one operation. */
  #leftOf(operation: Operation, crash: Crash, time: number, random: Random): Operation[] {
    const isOver = operation.over <= time;
    if (crash === "kill" ? isOver : this.#isDurable(operation, time)) return [operation];
    const over = Math.min(operation.over, time);
    if (operation.kind === "sync" || operation.kind === "syncDirectory") return [];
    if (operation.kind !== "write") return random.once(2) ? [] : [{ ...operation, over }];
    const kept = random.pick([0, 500, 900, 1000]);
    const parts: Operation[] = [];
    for (let at = 0; at < operation.bytes.length; at += block) {
      if (random.below(1000) >= kept) continue;
      const bytes = operation.bytes.subarray(at, at + block);
      parts.push({ ...operation, offset: operation.offset + at, bytes, durable: false, over });
    }
    return parts;
  }

  /** Whether a sync that was over at a time was begun after an operation was over. */
  #isDurable(operation: Operation, time: number): boolean {
    if (operation.kind === "write" && operation.durable) return operation.over <= time;
    return this.#log.some((sync) => {
      if (sync.over > time || sync.begun < operation.over) return false;
      if (operation.kind === "name") {
        return sync.kind === "syncDirectory" && sync.path === parent(operation.path);
      }
      return sync.kind === "sync" && "inode" in operation && sync.inode === operation.inode;
    });
  }

  /** Makes the files be what the start and the log say. */
  #bringToLife(): this {
    for (const path of this.#directories) void super.makeDirectory(path);
    for (const [path, inode] of this.#start) this.#live.set(path, inode);
    for (const operation of this.#log) {
      if (operation.kind !== "name") continue;
      if (operation.gone !== undefined) this.#live.delete(operation.gone);
      if (operation.inode === undefined) this.#live.delete(operation.path);
      else this.#live.set(operation.path, operation.inode);
    }
    for (const [path, inode] of this.#live) this.put(path, this.#contentsOf(inode));
    return this;
  }

  #contentsOf(inode: Inode): Uint8Array {
    let bytes = new Uint8Array(inode.base);
    const resize = (length: number) => {
      if (length === bytes.length) return;
      const resized = new Uint8Array(length);
      resized.set(bytes.subarray(0, length));
      bytes = resized;
    };
    for (const operation of this.#log) {
      if (operation.kind === "length" && operation.inode === inode) {
        resize(operation.grow ? Math.max(operation.length, bytes.length) : operation.length);
      } else if (operation.kind === "write" && operation.inode === inode) {
        resize(Math.max(bytes.length, operation.offset + operation.bytes.length));
        bytes.set(operation.bytes, operation.offset);
      }
    }
    return bytes;
  }

  async #run<T>(asked: Asked, work: () => Promise<T>): Promise<T> {
    this.observe();
    const operation: Operation = { ...asked, begun: this.#time++, over: Infinity };
    this.#log.push(operation);
    const result = await work();
    operation.over = this.#time;
    this.observe();
    return result;
  }

  #inode(file: IoFile): Inode {
    return this.#inodes.get(file) as Inode;
  }

  override async open(path: string, options: OpenOptions): Promise<IoFile> {
    const inode = options.create === true ? { base: new Uint8Array(0) } : this.#live.get(path);
    const open = () => super.open(path, options);
    const file = options.create === true
      ? await this.#run({ kind: "name", path, inode }, open)
      : await open();
    this.#live.set(path, inode as Inode);
    this.#inodes.set(file, inode as Inode);
    return file;
  }

  override async write(batch: readonly Transfer[], options: WriteOptions = {}): Promise<void> {
    await Promise.all(batch.map((transfer) => {
      const { file, offset, bytes } = transfer;
      const durable = options.durable === true;
      const asked = {
        kind: "write",
        inode: this.#inode(file),
        offset,
        bytes: bytes.slice(),
        durable,
      } as const;
      return this.#run(asked, () => super.write([transfer]));
    }));
  }

  override datasync(file: IoFile): Promise<void> {
    return this.#run({ kind: "sync", inode: this.#inode(file) }, () => super.datasync(file));
  }

  override sync(file: IoFile): Promise<void> {
    return this.#run({ kind: "sync", inode: this.#inode(file) }, () => super.datasync(file));
  }

  override truncate(file: IoFile, length: number): Promise<void> {
    const asked = { kind: "length", inode: this.#inode(file), length, grow: false } as const;
    return this.#run(asked, () => super.truncate(file, length));
  }

  override allocate(file: IoFile, length: number): Promise<void> {
    const asked = { kind: "length", inode: this.#inode(file), length, grow: true } as const;
    return this.#run(asked, () => super.allocate(file, length));
  }

  override async rename(from: string, to: string): Promise<void> {
    const inode = this.#live.get(from);
    await this.#run({ kind: "name", path: to, inode, gone: from }, () => super.rename(from, to));
    this.#live.set(to, inode as Inode);
    this.#live.delete(from);
  }

  override async remove(path: string): Promise<void> {
    await this.#run({ kind: "name", path, inode: undefined }, () => super.remove(path));
    this.#live.delete(path);
  }

  override async makeDirectory(path: string): Promise<void> {
    this.#directories.add(path);
    await super.makeDirectory(path);
  }

  override syncDirectory(path: string): Promise<void> {
    return this.#run({ kind: "syncDirectory", path }, () => super.syncDirectory(path));
  }
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
